# SPDX-License-Identifier: BSD-2-Clause
"""A pseudo-terminal with a shell, into which a test types commands."""

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

POLL_SECONDS = 0.02


class Terminal:
    """An interactive shell in a pseudo-terminal. Input is not echoed. Each line of output is read once."""

    def __init__(self, directory: Path, environment: Mapping[str, str]) -> None:
        mark = secrets.token_hex(4)
        self._prompt = re.compile(rf"<{mark} (\d+)>\Z")
        self._master, slave = os.openpty()
        settings = termios.tcgetattr(slave)
        settings[3] &= ~termios.ECHO
        termios.tcsetattr(slave, termios.TCSANOW, settings)
        # With TERM=dumb programs print no colours and overwrite no lines; cargo needs NO_COLOR for it if CI=true.
        shell = {"PS1": f"<{mark} $?>", "PS2": "", "TERM": "dumb", "NO_COLOR": "1"}
        command = ["setsid", "--ctty", "bash", "--norc", "--noprofile", "--noediting", "-i"]
        self._shell = subprocess.Popen(
            command, cwd=directory, env={**environment, **shell}, stdin=slave, stdout=slave, stderr=slave
        )
        os.close(slave)
        self._raw = b""
        self._begin = 0  # the index in _raw of the output after the last prompt
        self._read = 0  # the number of characters after _begin that were read
        self._collector = threading.Thread(target=self._collect, daemon=True)
        self._collector.start()
        self.wait_for_prompt(10)

    def _collect(self) -> None:
        try:
            while data := os.read(self._master, 65536):
                self._raw += data
        except OSError:  # EIO: no process has the terminal open
            return

    @property
    def directory(self) -> Path:
        """Return the current directory of the shell."""
        return Path(f"/proc/{self._shell.pid}/cwd").readlink()

    def type(self, keys: str) -> None:
        """Type `keys`; "\\n" is Enter, "\\x03" Ctrl-C."""
        os.write(self._master, keys.encode())

    def unread(self) -> str:
        """Return the output that was not read yet. A line that was overwritten has its last state."""
        return self._visible(self._raw)

    def _visible(self, raw: bytes) -> str:
        lines = raw[self._begin :].decode(errors="replace").replace("\r\n", "\n").split("\n")
        return "\n".join(line.rpartition("\r")[2] for line in lines)[self._read :]

    def wait_for(self, pattern: re.Pattern[str], seconds: float) -> re.Match[str] | None:
        """Return the match of `pattern` at the first unread line, or None after `seconds`. It is then read."""
        deadline = time.monotonic() + seconds
        while True:
            output = self.unread()
            match = pattern.match(output[: output.rfind("\n") + 1])
            if match:
                self._read += match.end()
            if match or time.monotonic() > deadline:
                return match
            time.sleep(POLL_SECONDS)

    def wait_for_prompt(self, seconds: float) -> tuple[str, int] | None:
        """Return the output before the next prompt and the status of the last command, or None after `seconds`."""
        deadline = time.monotonic() + seconds
        while True:
            raw = self._raw
            output = self._visible(raw)
            if prompt := self._prompt.search(output):
                self._begin, self._read = len(raw), 0
                return output[: prompt.start()], int(prompt[1])
            if time.monotonic() > deadline or self._shell.poll() is not None:
                return None
            time.sleep(POLL_SECONDS)

    def close(self) -> None:
        """End the shell and the commands in it by SIGHUP, as a terminal window does when it is closed."""
        self._shell.send_signal(signal.SIGHUP)
        try:
            self._shell.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._shell.kill()
            self._shell.wait()
        self._collector.join(timeout=10)
        os.close(self._master)
