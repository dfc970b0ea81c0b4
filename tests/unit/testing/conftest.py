# SPDX-License-Identifier: BSD-2-Clause
"""The command line in this process: as a user calls it, but without the start of another Python."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from typer.testing import CliRunner

from scaffold.cli.app import app
from scaffold.errors import EbpfNewError


@dataclass(frozen=True)
class Invocation:
    """The exit status of a command, and what it printed."""

    status: int
    stdout: str
    stderr: str


RunCommand = Callable[..., Invocation]


@pytest.fixture
def run_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunCommand:
    """Return a function that runs `ebpf-new` with the given arguments in `tmp_path`."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> Invocation:
        result = CliRunner().invoke(app, arguments)
        error = result.exception
        if isinstance(error, EbpfNewError):
            return Invocation(error.exit_code, result.stdout, f"{result.stderr}{error}\n")
        if error and not isinstance(error, SystemExit):
            raise error
        return Invocation(result.exit_code, result.stdout, result.stderr)

    return run
