# SPDX-License-Identifier: BSD-2-Clause
"""Run a linter, and check whether it accepts or rejects its input."""

import subprocess
import sys
from pathlib import Path

Arguments = list[str]


def of_python(name: str) -> str:
    """The path of a command in the virtual environment of the tests, which may not be on PATH."""
    return str(Path(sys.executable).with_name(name))


def assert_accepts(command: Arguments) -> None:
    """Run a linter, which must find no problem."""
    done = _run(command)
    assert done.returncode == 0, done.stdout


def assert_rejects(command: Arguments, message: str) -> None:
    """Run a linter, which must fail and print `message`."""
    done = _run(command)
    assert done.returncode != 0
    assert message in done.stdout


def _run(command: Arguments) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
