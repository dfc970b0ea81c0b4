# SPDX-License-Identifier: BSD-2-Clause
"""Run commands as root. Loading BPF programs on this machine requires it."""

import os
import subprocess

SUDO = [] if os.geteuid() == 0 else ["sudo", "--non-interactive"]


def run_as_root(script: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run a shell script as root, with `arguments` as $1 and so on, and return the finished process."""
    command = [*SUDO, "sh", "-c", script, "sh", *map(str, arguments)]
    return subprocess.run(command, text=True, capture_output=True)
