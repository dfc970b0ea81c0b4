# SPDX-License-Identifier: BSD-2-Clause
"""The toolchains that tools/setup.sh built into the cache. They are on PATH in every test that imports this module."""

import os
import subprocess
from pathlib import Path

from tests.paths import ROOT


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
RELEASES = _containers / "releases"  # of ecc and ecli, in the form of eunomia-bpf's own

os.environ["PATH"] = os.pathsep.join([*map(str, PROGRAMS), os.environ["PATH"]])
