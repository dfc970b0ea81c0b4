# SPDX-License-Identifier: BSD-2-Clause
"""Call the runner as a generated repository does, and read its verdicts."""

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
class Run:
    """The result of one call of the runner."""

    status: int
    verdicts: list[dict[str, Any]]
    stderr: str


def run_vmtest(
    project: Path, *arguments: str, environment: dict[str, str] | None = None, prefix: Sequence[str] = ()
) -> Run:
    """Call `python3 -m vmtest --json`, as a generated repository does."""
    command = [*prefix, sys.executable, "-m", "vmtest", str(project), "--json", *arguments]
    variables = {**os.environ, "PYTHONPATH": str(SCAFFOLD), **(environment or {})}
    completed = subprocess.run(command, capture_output=True, text=True, env=variables, check=False)
    return Run(completed.returncode, read_lines(completed.stdout), completed.stderr)


def read_lines(text: str) -> list[dict[str, Any]]:
    """Return the JSON objects in `text`, one per line."""
    return [json.loads(line) for line in text.splitlines()]
