# SPDX-License-Identifier: BSD-2-Clause
"""A terminal with a shell in it, at which a test types."""

import os
import re
import secrets
import signal
import subprocess
import termios
import threading
import time
from collections.abc import Mapping
from pathlib import Path

TICK = 0.02  # seconds


class Terminal:
    """A shell on a terminal of its own. What is typed is not echoed; what was seen is read once."""

    def __init__(self, directory: Path, environment: Mapping[str, str]) -> None:
        mark = secrets.token_hex(4)
        self._prompt = re.compile(rf"<{mark} (\d+)>\Z")
        self._master, slave = os.openpty()
        settings = termios.tcgetattr(slave)
        settings[3] &= ~termios.ECHO
        termios.tcsetattr(slave, termios.TCSANOW, settings)
        # With TERM=dumb programs neither colour nor overwrite what they print; cargo does in CI=true, unless told.
        shell = {"PS1": f"<{mark} $?>", "PS2": "", "TERM": "dumb", "NO_COLOR": "1"}
        command = ["setsid", "--ctty", "bash", "--norc", "--noprofile", "--noediting", "-i"]
        self._shell = subprocess.Popen(
            command, cwd=directory, env={**environment, **shell}, stdin=slave, stdout=slave, stderr=slave
        )
        os.close(slave)
        self._raw = b""
        self._begin = 0  # in there, behind the last prompt
        self._read = 0  # characters that were read since
        self._collector = threading.Thread(target=self._collect, daemon=True)
        self._collector.start()
        self.wait_for_prompt(10)

    def _collect(self) -> None:
        try:
            while data := os.read(self._master, 65536):
                self._raw += data
        except OSError:  # EIO: nobody has the terminal open any more
            return

    @property
    def directory(self) -> Path:
        """Where the shell is."""
        return Path(f"/proc/{self._shell.pid}/cwd").readlink()

    def type(self, keys: str) -> None:
        """Type `keys`; "\\n" is Enter, "\\x03" Ctrl-C."""
        os.write(self._master, keys.encode())

    def unread(self) -> str:
        """What is seen and was not read yet. Of a line that was written over, the last state is seen."""
        return self._seen(self._raw)

    def _seen(self, raw: bytes) -> str:
        lines = raw[self._begin :].decode(errors="replace").replace("\r\n", "\n").split("\n")
        return "\n".join(line.rpartition("\r")[2] for line in lines)[self._read :]

    def wait_for(self, pattern: re.Pattern[str], seconds: float) -> re.Match[str] | None:
        """Return the match of whole lines from the first unread one on, which are read then; None: it did not come."""
        deadline = time.monotonic() + seconds
        while True:
            seen = self.unread()
            match = pattern.match(seen[: seen.rfind("\n") + 1])
            if match:
                self._read += match.end()
            if match or time.monotonic() > deadline:
                return match
            time.sleep(TICK)

    def wait_for_prompt(self, seconds: float) -> tuple[str, int] | None:
        """Return what was seen until the shell asks for a command, and the status of the last; None: it does not."""
        deadline = time.monotonic() + seconds
        while True:
            raw = self._raw
            seen = self._seen(raw)
            if prompt := self._prompt.search(seen):
                self._begin, self._read = len(raw), 0
                return seen[: prompt.start()], int(prompt[1])
            if time.monotonic() > deadline or self._shell.poll() is not None:
                return None
            time.sleep(TICK)

    def close(self) -> None:
        """End the shell and what runs in it, as closing its window does."""
        self._shell.send_signal(signal.SIGHUP)
        try:
            self._shell.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._shell.kill()
            self._shell.wait()
        self._collector.join(timeout=10)
        os.close(self._master)
