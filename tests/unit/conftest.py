# SPDX-License-Identifier: BSD-2-Clause
"""A unit test runs in this process. It may start git, and nothing else."""

import io
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import pytest

from scaffold.cli.app import run
from tests.conftest import Command, CompletedProcess

ALLOWED = {"git"}
_current_test = ""


def _refuse_commands(event: str, arguments: tuple[Any, ...]) -> None:
    if event in ("subprocess.Popen", "os.posix_spawn", "os.system") and _current_test:
        command = arguments[0]
        if os.path.basename(os.fsdecode(command)) not in ALLOWED:
            raise AssertionError(
                f"{_current_test} starts {command}: move the test to tests/render or tests/integration"
            )


sys.addaudithook(_refuse_commands)


@pytest.fixture(autouse=True)
def no_commands(request: pytest.FixtureRequest) -> Iterator[None]:
    """Let the test fail where it starts a command other than git."""
    global _current_test
    _current_test = request.node.nodeid
    yield
    _current_test = ""


@pytest.fixture
def ebpf_new(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    """Return a function that runs the command in this process, in `tmp_path`, without a terminal."""

    def run_in_process(*arguments: str, cwd: Path = tmp_path) -> CompletedProcess:
        monkeypatch.chdir(cwd)
        stdout, stderr = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True) for _ in range(2))
        with open(os.devnull) as stdin, redirect_stdout(stdout), redirect_stderr(stderr):
            monkeypatch.setattr("sys.stdin", stdin)
            status = run(arguments)
        texts = (stream.buffer.getvalue().decode() for stream in (stdout, stderr))
        return subprocess.CompletedProcess(arguments, status, *texts)

    return run_in_process
