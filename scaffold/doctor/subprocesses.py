# SPDX-License-Identifier: BSD-2-Clause
"""Run commands that can fail or hang."""

import os
import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

COMMAND_SECONDS = 5.0


@dataclass(frozen=True)
class CommandResult:
    """What a command printed. `status` is None if it did not start, or did not end in time: `stderr` has the reason."""

    status: int | None
    stdout: bytes
    stderr: str


class CommandRunner:
    """Runs commands for many threads, and ends all of them together."""

    def __init__(self) -> None:
        # More commands than processors would slow each other down and reach their time limits.
        self._slots = threading.BoundedSemaphore(os.cpu_count() or 1)
        self._lock = threading.Lock()
        self._running: set[int] = set()
        self._is_closed = False

    def run(
        self,
        command: Sequence[str],
        environment: Mapping[str, str],
        standard_input: str = "",
        directory: str = "/",
        seconds: float = COMMAND_SECONDS,
    ) -> CommandResult:
        """Run `command` in `directory`, for `seconds` at most. All processes that it started end with it."""
        with self._slots:
            return self._run(command, environment, standard_input, directory, seconds)

    def end_all(self) -> None:
        """End every running command with all processes that it started. A later run() starts nothing."""
        with self._lock:
            self._is_closed = True
        for pid in list(self._running):
            self._end(pid)

    def _run(
        self,
        command: Sequence[str],
        environment: Mapping[str, str],
        standard_input: str,
        directory: str,
        seconds: float,
    ) -> CommandResult:
        pipe = subprocess.PIPE
        try:
            with self._lock:
                if self._is_closed:
                    return CommandResult(None, b"", "the doctor is ending")
                process = subprocess.Popen(
                    command,
                    cwd=directory,
                    env=environment,
                    stdin=pipe,
                    stdout=pipe,
                    stderr=pipe,
                    start_new_session=True,
                )
                self._running.add(process.pid)
        except OSError as error:
            return CommandResult(None, b"", error.strerror or str(error))
        try:
            stdout, stderr = process.communicate(standard_input.encode(), seconds)
        except subprocess.TimeoutExpired:
            return CommandResult(None, b"", f"no answer within {seconds:.0f} seconds")
        finally:
            self._end(process.pid)
        return CommandResult(process.returncode, stdout, stderr.decode(errors="replace"))

    def _end(self, pid: int) -> None:
        with self._lock:
            if pid in self._running:
                self._running.discard(pid)
                with suppress(ProcessLookupError):  # all processes of the group have ended
                    os.killpg(pid, signal.SIGKILL)
