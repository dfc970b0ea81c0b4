# SPDX-License-Identifier: BSD-2-Clause
"""Run `ebpf-new test` as a user does, and read its results."""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.cargo_target import copy_compiled_crates
from tests.integration.vm_runs import RunnerResult, read_lines


def command(*projects: Path, kernels: Sequence[str] = (), options: Sequence[str] = ()) -> list[str]:
    """Return the command that tests `projects` on `kernels` and prints JSON lines."""
    kernel_options = [word for kernel in kernels for word in ("--kernel", kernel)]
    return [sys.executable, "-m", "scaffold", "test", *map(str, projects), *kernel_options, "--json", *options]


def run_test(
    *projects: Path,
    kernels: Sequence[str] = (),
    options: Sequence[str] = (),
    variables: Mapping[str, str] | None = None,
) -> RunnerResult:
    """Run `ebpf-new test` on `projects` with the environment `variables` in addition, and return the result."""
    for project in projects:
        copy_compiled_crates(project)
    done = subprocess.run(
        command(*projects, kernels=kernels, options=options),
        env={**os.environ, **(variables or {})}, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
    )  # fmt: skip
    return RunnerResult(done.returncode, read_lines(done.stdout), done.stderr)
