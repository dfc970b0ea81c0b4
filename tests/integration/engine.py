# SPDX-License-Identifier: BSD-2-Clause
"""Call `ebpf-new test` as a user does, and read what it reports."""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.cargo_target import bring_crates
from tests.integration.vm_runs import read_lines


@dataclass(frozen=True)
class Outcome:
    """What one call of the command gave."""

    status: int
    verdicts: list[dict[str, Any]]
    said: str


def command(*projects: Path, kernels: Sequence[str] = (), options: Sequence[str] = ()) -> list[str]:
    """Return the command that tests `projects` on `kernels`, in JSON."""
    named = [word for kernel in kernels for word in ("--kernel", kernel)]
    return [sys.executable, "-m", "scaffold", "test", *map(str, projects), *named, "--json", *options]


def outcome_of(
    *projects: Path,
    kernels: Sequence[str] = (),
    options: Sequence[str] = (),
    variables: Mapping[str, str] | None = None,
) -> Outcome:
    """Run `ebpf-new test` on `projects` and return what it said."""
    for project in projects:
        bring_crates(project)
    done = subprocess.run(
        command(*projects, kernels=kernels, options=options),
        env={**os.environ, **(variables or {})}, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
    )  # fmt: skip
    return Outcome(done.returncode, read_lines(done.stdout), done.stderr)
