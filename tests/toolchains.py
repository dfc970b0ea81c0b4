# SPDX-License-Identifier: BSD-2-Clause
"""Where tools/setup.sh has put the toolchains that no package of the system holds."""

import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[1]


def _directory(script: str) -> Path:
    """Return the directory of commands that a script of tools/ has made."""
    command = [str(ROOT / "tools" / script), "path"]
    return Path(subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip())


EUNOMIA = _directory("eunomia/build.sh").parent
PROGRAMS = (EUNOMIA / "bin", _directory("golangci-lint.sh"))
CARGO_TARGET = _directory("cargo-target.sh")
