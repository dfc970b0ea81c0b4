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


@dataclass(frozen=True)
class CommandResult:
    """What a command said; `status` is None when it did not start, or not end in time."""

    status: int | None
    printed: bytes
    complained: str


class CommandRunner:
    """Commands that are run by many threads, and end together."""

    def __init__(self) -> None:
        self._slots = threading.BoundedSemaphore(os.cpu_count() or 1)  # more at once would only wait for each other
        self._lock = threading.Lock()
        self._running: set[int] = set()
        self._ended = False

    def run(
        self,
        command: Sequence[str],
        environment: Mapping[str, str],
        reads: str = "",
        place: str = "/",
        seconds: float = SECONDS,
    ) -> CommandResult:
        """Run `command` in the directory `place` for `seconds` at most; what it has started ends with it.

        It finds `reads` on its standard input.
        """
        with self._slots:
            return self._run(command, environment, reads, place, seconds)

    def end_all(self) -> None:
        """End every command that still runs, and what it has started; from now on there are no others."""
        with self._lock:
            self._ended = True
        for pid in list(self._running):
            self._end(pid)

    def _run(
        self, command: Sequence[str], environment: Mapping[str, str], reads: str, place: str, seconds: float
    ) -> CommandResult:
        pipe = subprocess.PIPE
        try:
            with self._lock:
                if self._ended:
                    return CommandResult(None, b"", "not run any more")
                process = subprocess.Popen(
                    command, cwd=place, env=environment, stdin=pipe, stdout=pipe, stderr=pipe, start_new_session=True
                )
                self._running.add(process.pid)
        except OSError as error:
            return CommandResult(None, b"", error.strerror or str(error))
        try:
            printed, complained = process.communicate(reads.encode(), seconds)
        except subprocess.TimeoutExpired:
            return CommandResult(None, b"", f"no answer within {seconds:.0f} seconds")
        finally:
            self._end(process.pid)
        return CommandResult(process.returncode, printed, complained.decode(errors="replace"))

    def _end(self, pid: int) -> None:
        with self._lock:
            if pid in self._running:
                self._running.discard(pid)
                with suppress(ProcessLookupError):  # all of it has ended
                    os.killpg(pid, signal.SIGKILL)
