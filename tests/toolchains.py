# SPDX-License-Identifier: BSD-2-Clause
"""Where tools/setup.sh has put the toolchains that no package of the system holds."""

import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[1]


def _eunomia() -> Path:
    """Return the directory that tools/eunomia/build.sh makes."""
    command = [str(ROOT / "tools" / "eunomia" / "build.sh"), "path"]
    return Path(subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()).parent


EUNOMIA = _eunomia()
PROGRAMS = (EUNOMIA / "bin",)
