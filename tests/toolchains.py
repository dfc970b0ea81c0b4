# SPDX-License-Identifier: BSD-2-Clause
"""Where tools/setup.sh has put the toolchains that no package of the system holds."""

import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[1]


def _directories(script: str) -> list[Path]:
    """Return the directories of commands that a script of tools/ has made."""
    command = [str(ROOT / "tools" / script), "path"]
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return [Path(line) for line in printed.splitlines()]


(_bin,) = _directories("eunomia/build.sh")
EUNOMIA = _bin.parent
PROGRAMS = (EUNOMIA / "bin", *_directories("go-tools.sh"))
(CARGO_TARGET,) = _directories("cargo-target.sh")
(_containers,) = _directories("containers/setup.sh")
RELEASES = _containers / "releases"  # of ecc and ecli, as eunomia-bpf has them
