# SPDX-License-Identifier: BSD-2-Clause
"""Commands as root, which loading BPF programs on this machine takes."""

import os
import subprocess

AS_ROOT = [] if os.geteuid() == 0 else ["sudo", "--non-interactive"]


def sh(script: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run a shell script as root, with `arguments` as $1 and so on, and return what it did."""
    command = [*AS_ROOT, "sh", "-c", script, "sh", *map(str, arguments)]
    return subprocess.run(command, text=True, capture_output=True)
