# SPDX-License-Identifier: BSD-2-Clause
"""Calling a linter, and what it must say."""

import subprocess
import sys
from pathlib import Path

Arguments = list[str]


def of_python(name: str) -> str:
    """The path of a command that comes with a Python package, which need not be on PATH."""
    return str(Path(sys.executable).with_name(name))


def accepted(command: Arguments) -> None:
    """Run a linter that must find nothing."""
    done = _run(command)
    assert done.returncode == 0, done.stdout


def refused(command: Arguments, told: str) -> None:
    """Run a linter that must complain with these words."""
    done = _run(command)
    assert done.returncode != 0
    assert told in done.stdout


def _run(command: Arguments) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
