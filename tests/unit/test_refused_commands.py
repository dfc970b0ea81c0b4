# SPDX-License-Identifier: BSD-2-Clause
"""A unit test cannot start a command other than git: the check in conftest.py works."""

import os
import pty
import subprocess
from collections.abc import Callable

import pytest

START = {
    "list": lambda: subprocess.run(["true"], check=True),
    "path": lambda: subprocess.run(["/bin/true"], check=True),
    "shell": lambda: subprocess.run("git --version", shell=True, check=True),
    "os.system": lambda: os.system("true"),
    "posix_spawn": lambda: os.posix_spawn("/bin/true", ["true"], {}),
    "terminal": pty.fork,
}


@pytest.mark.parametrize("start", START.values(), ids=START)
def test_a_command_is_refused(start: Callable[[], object], refused_commands: list[str]) -> None:
    with pytest.raises(AssertionError, match=r"test_a_command_is_refused.*tests/render"):
        start()
    assert len(refused_commands) == 1
    refused_commands.clear()


def test_git_is_allowed(refused_commands: list[str]) -> None:
    assert subprocess.run(["git", "--version"], check=True, capture_output=True).stdout.startswith(b"git version")
    assert refused_commands == []
