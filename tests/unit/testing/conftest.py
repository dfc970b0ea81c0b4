# SPDX-License-Identifier: BSD-2-Clause
"""The command line in this process, without the start of another Python."""

import subprocess
from pathlib import Path

import pytest
from typer.testing import CliRunner

from scaffold.cli.app import app
from scaffold.errors import EbpfNewError
from tests.conftest import Command, Run


@pytest.fixture
def ebpf_new(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    """Return a function that runs the command in this process, in `tmp_path`."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> Run:
        result = CliRunner().invoke(app, arguments)
        error = result.exception
        if isinstance(error, EbpfNewError):
            return subprocess.CompletedProcess(arguments, error.exit_code, result.stdout, f"{result.stderr}{error}\n")
        if error and not isinstance(error, SystemExit):
            raise error
        return subprocess.CompletedProcess(arguments, result.exit_code, result.stdout, result.stderr)

    return run
