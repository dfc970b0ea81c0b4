# SPDX-License-Identifier: BSD-2-Clause
"""The machine to check: its files, its commands, and the permissions of this process.

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

# Numbers from <linux/capability.h>.
CAP_SYS_ADMIN, CAP_PERFMON, CAP_BPF = 21, 38, 39
INITIAL_UID_MAP = ["0", "0", "4294967295"]
PROBE_SECONDS = 10.0
# They keep the commands from downloading a toolchain, and Go from counting its calls in a file.
COMMAND_SETTINGS = {"LC_ALL": "C", "GOTOOLCHAIN": "local", "RUSTUP_AUTO_INSTALL": "0", "XDG_CONFIG_HOME": os.devnull}


@dataclass(frozen=True)
class Host:
    """This machine.

    `directory` is where relative paths start. `runner_directory` contains the package vmtest. `root` contains the
    directories etc, proc and sys. `search_path` has the format of PATH.
    """

    directory: Path
    runner_directory: Path
    root: Path = Path("/")
    search_path: str = field(default_factory=lambda: os.environ.get("PATH", os.defpath))
    commands: CommandRunner = field(default_factory=CommandRunner)

    def file(self, name: str) -> Path:
        """Return the path of the file /`name`."""
        return self.root / name

    def read_text(self, name: str) -> str:
        """Return the content of the file /`name` without the white space around it; "" if it cannot be read."""
        try:
            return self.file(name).read_text(encoding="utf-8", errors="replace").strip()
        except OSError:
            return ""

    def which(self, command: str) -> str:
        """Return the path of a command; "" if it is not found."""
        return shutil.which(command, path=self.search_path) or ""

    def run(self, command: Sequence[str], standard_input: str = "") -> CommandResult:
        """Run `command` with English messages, for a few seconds at most."""
        environment = {**os.environ, "PATH": self.search_path, **COMMAND_SETTINGS}
        return self.commands.run(command, environment, standard_input)

    def run_vmtest_module(self, module: str) -> CommandResult:
        """Run a module of the test runner. The limit is longer, because it can boot a guest."""
        command = [sys.executable, "-B", "-m", f"vmtest.{module}"]
        # With a safe path Python would not find the package in the working directory.
        environment = {**os.environ, "PATH": self.search_path, "PYTHONSAFEPATH": ""}
        return self.commands.run(command, environment, directory=str(self.runner_directory), seconds=PROBE_SECONDS)

    def process_status(self, key: str) -> str:
        """Return a value of /proc/self/status; "" if it is not there."""
        match = re.search(rf"^{key}:\s*(.*)$", self.read_text("proc/self/status"), re.MULTILINE)
        return match[1] if match else ""

    def has_capability(self, number: int, kind: str = "CapEff") -> bool:
        """Tell whether this process has a capability now (CapEff), or can get it by sudo (CapBnd)."""
        return bool(int(self.process_status(kind) or "0", 16) >> number & 1)

    def is_in_user_namespace(self) -> bool:
        """Tell whether this process is in a user namespace, where root is not the root of the machine."""
        return self.read_text("proc/self/uid_map").split() not in ([], INITIAL_UID_MAP)

    def can_become_root(self) -> bool:
        """Tell whether sudo can help: no container and no setting of this process prevents it."""
        is_blocked = self.is_in_user_namespace() or self.process_status("NoNewPrivs") == "1"
        return not is_blocked and self.has_capability(CAP_SYS_ADMIN, "CapBnd")

    def root_helper(self) -> str:
        """Return the installed command that runs another one as root, sudo or doas; "" if there is neither."""
        return next((name for name in ("sudo", "doas") if self.which(name)), "")

    def as_root(self, command: str) -> str:
        """Return `command` as this user has to type it to run it as root."""
        if os.geteuid() == 0:
            return command
        helper = self.root_helper()
        return f"{helper} {command}" if helper else f"su -c '{command}'"


def first_line(text: str, max_length: int = 100) -> str:
    """Return the first line of `text` that is not blank, without control characters and cut to `max_length`.

    Returns "nothing" if all lines are blank.
    """
    for line in text.splitlines():
        printable = "".join(c if c.isprintable() else " " for c in line).strip()
        if printable:
            return printable if len(printable) <= max_length else f"{printable[:max_length]}..."
    return "nothing"
