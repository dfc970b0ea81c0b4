# SPDX-License-Identifier: BSD-2-Clause
"""Run the test runner as a generated repository does, and read its verdicts."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SCAFFOLD = Path(__file__).parents[2] / "scaffold"


@dataclass(frozen=True)
class RunnerResult:
    """The result of one run of `vmtest --json` or `ebpf-new test --json`."""

    status: int
    verdicts: list[dict[str, Any]]  # one per line of stdout
    stderr: str


def run_vmtest(
    project: Path, *arguments: str, environment: dict[str, str] | None = None, prefix: Sequence[str] = ()
) -> RunnerResult:
    """Run `python3 -m vmtest --json` as a generated repository does, with the `environment` variables in addition."""
    command = [*prefix, sys.executable, "-m", "vmtest", str(project), "--json", *arguments]
    variables = {**os.environ, "PYTHONPATH": str(SCAFFOLD), **(environment or {})}
    completed = subprocess.run(command, capture_output=True, text=True, env=variables, check=False)
    return RunnerResult(completed.returncode, read_lines(completed.stdout), completed.stderr)


def read_lines(text: str) -> list[dict[str, Any]]:
    """Return the JSON objects in `text`, one per line."""
    return [json.loads(line) for line in text.splitlines()]
