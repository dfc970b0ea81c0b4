# SPDX-License-Identifier: BSD-2-Clause
"""The toolchains that tools/setup.sh builds in the cache. Importing this module puts them on PATH."""

import os
import subprocess
from pathlib import Path

from tests.paths import ROOT


def _directories(script: str) -> list[Path]:
    """Return the directories that a script in tools/ prints: those of the toolchain that it built."""
    command = [str(ROOT / "tools" / script), "path"]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return [Path(line) for line in output.splitlines()]


(_bin,) = _directories("eunomia/build.sh")
EUNOMIA = _bin.parent
PROGRAMS = (EUNOMIA / "bin", *_directories("go-tools.sh"))
(CARGO_TARGET,) = _directories("cargo-target.sh")
(_containers,) = _directories("containers/setup.sh")
RELEASES = _containers / "releases"  # of ecc and ecli, in the format of eunomia-bpf's releases

os.environ["PATH"] = os.pathsep.join([*map(str, PROGRAMS), os.environ["PATH"]])
