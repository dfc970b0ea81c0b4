# SPDX-License-Identifier: BSD-2-Clause
"""Commands in sandboxes, as the builds of a course are, and what they did to the machine."""

import tempfile
from dataclasses import dataclass
from pathlib import Path

from scaffold.build import Built
from scaffold.sandbox.box import Box, Wanted
from scaffold.sandbox.limits import Limits
from scaffold.sandbox.possible import bare_sandbox
from scaffold.sandbox.takeout import take_out

SMALL = Limits(memory=128, disk=32, processes=48)


@dataclass(frozen=True)
class Tried:
    """How a command ended, what it said, and what there was of the file `out` then."""

    built: Built
    out: bytes | None

    @property
    def said(self) -> str:
        return self.built.output.decode(errors="replace")


def small_box() -> Box:
    """Return a sandbox with little room, as it can be made here."""
    return bare_sandbox(SMALL, allow_unlimited_memory=False)


def tried(box: Box, script: str, source: Path, seconds: float = 20) -> Tried:
    """Run `script` by bash in a copy of `source`."""
    with tempfile.TemporaryFile() as archive, tempfile.TemporaryDirectory() as place:
        built = box.build(["bash", "-c", script], source, seconds, Wanted(("out",)), archive)
        if built.status != 0:
            return Tried(built, None)
        take_out(archive, ["out"], 1 << 20, Path(place, "out"))
        return Tried(built, Path(place, "out/out").read_bytes())
