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
EVENTS = ("subprocess.Popen", "os.posix_spawn", "os.system", "os.forkpty")
_current_test = ""
_refused: list[str] = []


def _refuse_commands(event: str, arguments: tuple[Any, ...]) -> None:
    if event in EVENTS and _current_test:
        command = os.fsdecode(arguments[0]) if arguments else event
        if os.path.basename(command) not in ALLOWED:
            _refused.append(command)
            raise AssertionError(
                f"{_current_test} starts {command}: move the test to tests/render or tests/integration"
            )


sys.addaudithook(_refuse_commands)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Refuse commands from now on, in fixtures of any scope too."""
    global _current_test
    _current_test = item.nodeid


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown() -> None:
    """Allow commands after the last fixture has ended."""
    global _current_test
    _current_test = ""


@pytest.fixture(autouse=True)
def refused_commands() -> Iterator[list[str]]:
    """Let the test fail if it starts a command other than git, even if it catches the exception."""
    _refused.clear()
    yield _refused
    assert _refused == [], "move the test to tests/render or tests/integration"


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
