# SPDX-License-Identifier: BSD-2-Clause
"""Commands in sandboxes, as the builds of a course are, and what they did to the machine."""

import tempfile
from dataclasses import dataclass
from pathlib import Path

from scaffold.testing.build import BuildResult
from scaffold.testing.sandbox.artifacts import extract_artifacts
from scaffold.testing.sandbox.availability import bare_sandbox
from scaffold.testing.sandbox.bubblewrap import Request, Sandbox
from scaffold.testing.sandbox.limits import Limits

SMALL = Limits(memory=128, disk=32, processes=48)


@dataclass(frozen=True)
class Tried:
    """How a command ended, what it said, and what there was of the file `out` then."""

    built: BuildResult
    out: bytes | None

    @property
    def said(self) -> str:
        return self.built.output.decode(errors="replace")


def small_box() -> Sandbox:
    """Return a sandbox with little room, as it can be made here."""
    return bare_sandbox(SMALL, allow_unlimited_memory=False)


def tried(box: Sandbox, script: str, source: Path, seconds: float = 20) -> Tried:
    """Run `script` by bash in a copy of `source`."""
    with tempfile.TemporaryFile() as archive, tempfile.TemporaryDirectory() as place:
        built = box.build(["bash", "-c", script], source, seconds, Request(("out",)), archive)
        if built.status != 0:
            return Tried(built, None)
        extract_artifacts(archive, ["out"], 1 << 20, Path(place, "out"))
        return Tried(built, Path(place, "out/out").read_bytes())
