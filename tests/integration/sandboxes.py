# SPDX-License-Identifier: BSD-2-Clause
"""Run commands in small sandboxes, as the builds of a course do."""

import tempfile
from dataclasses import dataclass
from pathlib import Path

from scaffold.testing.build import CommandResult
from scaffold.testing.sandbox.artifacts import extract_artifacts
from scaffold.testing.sandbox.availability import base_sandbox
from scaffold.testing.sandbox.bubblewrap import ArtifactRequest, Sandbox
from scaffold.testing.sandbox.limits import Limits

SMALL = Limits(memory=128, disk=32, processes=48)


@dataclass(frozen=True)
class SandboxRun:
    """How a script ended, and the content of the file `out` that it wrote; None if it failed."""

    result: CommandResult
    out: bytes | None

    @property
    def output(self) -> str:
        return self.result.output.decode(errors="replace")


def small_sandbox() -> Sandbox:
    """Return a sandbox with small limits."""
    return base_sandbox(SMALL, allow_unlimited_memory=False)


def run_script(sandbox: Sandbox, script: str, source: Path, seconds: float = 20) -> SandboxRun:
    """Run the bash `script` in a copy of the directory `source`."""
    with tempfile.TemporaryFile() as archive, tempfile.TemporaryDirectory() as directory:
        result = sandbox.build(["bash", "-c", script], source, seconds, ArtifactRequest(("out",)), archive)
        if result.status != 0:
            return SandboxRun(result, None)
        extract_artifacts(archive, ["out"], 1 << 20, Path(directory, "out"))
        return SandboxRun(result, Path(directory, "out/out").read_bytes())
