# SPDX-License-Identifier: BSD-2-Clause
"""A unit test runs in this process. It may start git, and nothing else."""

import os
import sys
from collections.abc import Iterator
from typing import Any

import pytest

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
