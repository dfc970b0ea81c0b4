# SPDX-License-Identifier: BSD-2-Clause
"""The command on a terminal of its own, and somebody who types."""

import os
import pty
import re
import select
import sys
import time
from collections.abc import Sequence
from pathlib import Path

PATIENCE = 5  # seconds of silence after which an answer is typed again
LIMIT = 60  # seconds
COLOURS = re.compile(r"\x1b\[[0-9;]*m")


def on_terminal(cwd: Path, *arguments: str, typed: Sequence[tuple[str, str]] = ()) -> tuple[int, str]:
    """Run the command in `cwd`; for each pair wait for a text to be shown, then type the other.

    Return the exit code and all that was shown, without colours. What is typed while the command takes the terminal
    over can be lost: it is typed again, as a person would.
    """
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(cwd)
        os.environ["COLUMNS"] = "200"
        os.execv(sys.executable, [sys.executable, "-m", "scaffold", *arguments])
    shown, seen, todo, last = b"", 0, list(typed), ""
    deadline = time.monotonic() + LIMIT
    while time.monotonic() < deadline:
        try:
            if select.select([terminal], [], [], PATIENCE)[0]:
                shown += os.read(terminal, 4096)
            elif last:
                os.write(terminal, last.encode())
            if todo and todo[0][0].encode() in shown[seen:]:
                _, last = todo.pop(0)
                seen = len(shown)
                os.write(terminal, last.encode())
        except OSError:
            break  # the other end is closed
    os.close(terminal)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    text = COLOURS.sub("", shown.decode())
    assert not todo, f"never shown: {todo[0][0]!r} in {text}"
    return code, text
