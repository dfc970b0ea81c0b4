# SPDX-License-Identifier: BSD-2-Clause
"""The machine that is looked at: its files, its commands, and what this process may do.

Sources: proc(5) for /proc/self/status; capabilities(7); user_namespaces(7) for uid_map.
"""

import os
import re
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from .subprocesses import CommandResult, CommandRunner

# By number in <linux/capability.h>.
SYS_ADMIN, PERFMON, BPF = 21, 38, 39
WHOLE_MACHINE = ["0", "0", "4294967295"]
# Nothing is fetched because a command was asked for its version, nor written: Go counts its calls in a file.
SETTINGS = {"LC_ALL": "C", "GOTOOLCHAIN": "local", "RUSTUP_AUTO_INSTALL": "0", "XDG_CONFIG_HOME": os.devnull}


@dataclass(frozen=True)
class Host:
    """This machine. `root` is where its /etc, /proc and /sys are, `directory` where relative places are looked for."""

    directory: Path
    runner: Path  # the directory that has the package vmtest
    root: Path = Path("/")
    path: str = field(default_factory=lambda: os.environ.get("PATH", os.defpath))
    commands: CommandRunner = field(default_factory=CommandRunner)

    def file(self, name: str) -> Path:
        """Return where the file /`name` is."""
        return self.root / name

    def text(self, name: str) -> str:
        """Return what stands in the file /`name`; "" when it is not there, or not for us to read."""
        try:
            return self.file(name).read_text(encoding="utf-8", errors="replace").strip()
        except OSError:
            return ""

    def which(self, command: str) -> str:
        """Return the path of a command; "" when there is none."""
        return shutil.which(command, path=self.path) or ""

    def run(self, command: Sequence[str], reads: str = "") -> CommandResult:
        """Run `command`, in English and for some seconds at most, with `reads` on its standard input."""
        return self.commands.run(command, {**os.environ, "PATH": self.path, **SETTINGS}, reads)

    def run_runner(self, module: str) -> CommandResult:
        """Run a module of the tests' runner, which may have a guest to wait for."""
        command = [sys.executable, "-B", "-m", f"vmtest.{module}"]
        environment = {**os.environ, "PATH": self.path, "PYTHONSAFEPATH": ""}  # it is found in that directory
        return self.commands.run(command, environment, place=str(self.runner), seconds=10)

    def status(self, key: str) -> str:
        """Return a value of /proc/self/status; "" when it is not there."""
        found = re.search(rf"^{key}:\s*(.*)$", self.text("proc/self/status"), re.MULTILINE)
        return found[1] if found else ""

    def has_capability(self, number: int, kind: str = "CapEff") -> bool:
        """Say whether this process has a capability: CapEff now, CapBnd perhaps by sudo."""
        return bool(int(self.status(kind) or "0", 16) >> number & 1)

    def in_user_namespace(self) -> bool:
        """Say whether root, as this process knows it, is not the machine's own."""
        return self.text("proc/self/uid_map").split() not in ([], WHOLE_MACHINE)

    def can_become_root(self) -> bool:
        """Say whether sudo could help: neither a container nor a setting of the process is in its way."""
        barred = self.in_user_namespace() or self.status("NoNewPrivs") == "1"
        return not barred and self.has_capability(SYS_ADMIN, "CapBnd")

    def as_root(self, command: str) -> str:
        """Return `command` as this user has to type it."""
        if os.geteuid() == 0:
            return command
        for helper in ("sudo", "doas"):
            if self.which(helper):
                return f"{helper} {command}"
        return f"su -c '{command}'"


def line(text: str, most: int = 100) -> str:
    """Return the first line of `text` that says something, harmless for a terminal and not too long."""
    for each in text.splitlines():
        shown = "".join(c if c.isprintable() else " " for c in each).strip()
        if shown:
            return shown if len(shown) <= most else f"{shown[:most]}..."
    return "nothing"
