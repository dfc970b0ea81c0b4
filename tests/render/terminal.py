# SPDX-License-Identifier: BSD-2-Clause
"""Run the command in a pseudo-terminal, and type answers."""

import os
import pty
import re
import select
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

RETYPE_SECONDS = 5  # of silence, after which an answer is typed again
TIMEOUT_SECONDS = 60
COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def run_in_terminal(
    directory: Path,
    *arguments: str,
    typed: Sequence[tuple[str, str]] = (),
    variables: Mapping[str, str] | None = None,
) -> tuple[int, str]:
    """Run the command in `directory`; for each pair of `typed`, wait for the first text and type the second.

    Return the exit status and the output without colours. What is typed while the command changes the settings of the
    terminal can be lost, so it is typed again, as a user would. `variables` are added to the environment.
    """
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(directory)
        os.environ.update({"COLUMNS": "200", **(variables or {})})
        os.execv(sys.executable, [sys.executable, "-m", "scaffold", *arguments])
    output, position, answers, last = b"", 0, list(typed), ""
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while time.monotonic() < deadline:
        try:
            if select.select([terminal], [], [], RETYPE_SECONDS)[0]:
                output += os.read(terminal, 4096)
            elif last:
                os.write(terminal, last.encode())
            if answers and answers[0][0].encode() in output[position:]:
                _, last = answers.pop(0)
                position = len(output)
                os.write(terminal, last.encode())
        except OSError:
            break  # the command has closed the terminal
    os.close(terminal)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    text = COLOUR.sub("", output.decode())
    assert not answers, f"{answers[0][0]!r} was not printed: {text}"
    return status, text
