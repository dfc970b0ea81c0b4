# SPDX-License-Identifier: BSD-2-Clause
"""Running commands that may not work, or not end."""

import os
import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

SECONDS = 5.0  # for one command
_slots = threading.BoundedSemaphore(os.cpu_count() or 1)  # more at once would only wait for each other
_running: set[int] = set()
_lock = threading.Lock()


@dataclass(frozen=True)
class Answer:
    """What a command said; `status` is None when it did not start, or not end in time."""

    status: int | None
    printed: bytes
    complained: str


def run(
    command: Sequence[str], environment: Mapping[str, str], reads: str = "", place: str = "/", seconds: float = SECONDS
) -> Answer:
    """Run `command` in the directory `place` for `seconds` at most; what it has started ends with it.

    It finds `reads` on its standard input.
    """
    with _slots:
        return _run(command, environment, reads, place, seconds)


def _run(command: Sequence[str], environment: Mapping[str, str], reads: str, place: str, seconds: float) -> Answer:
    pipe = subprocess.PIPE
    try:
        with _lock:
            process = subprocess.Popen(
                command, cwd=place, env=environment, stdin=pipe, stdout=pipe, stderr=pipe, start_new_session=True
            )
            _running.add(process.pid)
    except OSError as error:
        return Answer(None, b"", error.strerror or str(error))
    try:
        printed, complained = process.communicate(reads.encode(), seconds)
    except subprocess.TimeoutExpired:
        return Answer(None, b"", f"no answer within {seconds:.0f} seconds")
    finally:
        _end(process.pid)
    return Answer(process.returncode, printed, complained.decode(errors="replace"))


def end_all() -> None:
    """End every command that still runs, and what it has started."""
    for pid in list(_running):
        _end(pid)


def _end(pid: int) -> None:
    with _lock:
        if pid in _running:
            _running.discard(pid)
            with suppress(ProcessLookupError):  # all of it has ended
                os.killpg(pid, signal.SIGKILL)
