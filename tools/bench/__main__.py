# SPDX-License-Identifier: BSD-2-Clause
"""Measure all parts, or those on the command line (PARTS, below): `python -m tools.bench [PART]...`.

Exit status: 0 every figure is within its limit, 1 a figure is above its limit, 2 wrong usage.
"""

import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from tools.bench import machines
from tools.bench.course import measure_course
from tools.bench.engine import measure_flakes, measure_hundred, measure_matrix
from tools.bench.frameworks import measure_frameworks
from tools.bench.measure import HEAD, Line, Row
from tools.bench.rendering import measure_rendering, measure_start
from tools.bench.watch import measure_watch


def main(names: list[str]) -> int:
    """Measure, print a line for each figure, and return the exit status."""
    unknown = [name for name in names if name not in PARTS]
    if unknown:
        print(f"bench: unknown part {unknown[0]!r}; choose from {', '.join(PARTS)}", file=sys.stderr)
        return 2
    is_within_limits = True
    print(HEAD)
    for name in names or PARTS:
        with tempfile.TemporaryDirectory(prefix="bench-") as directory:
            for row in PARTS[name](Path(directory)):
                print(row, flush=True)
                is_within_limits = is_within_limits and row.is_within_limit
    return 0 if is_within_limits else 1


def _measure_boots(directory: Path) -> list[Row]:
    project = machines.create_project(directory)
    return [row for spec in machines.KERNELS for row in machines.measure_boots(directory, project, spec)]


PARTS: dict[str, Callable[[Path], Sequence[Line]]] = {
    "rendering": measure_rendering,
    "start": measure_start,
    "course": measure_course,
    "boots": _measure_boots,
    "virtme": lambda directory: machines.measure_virtme(directory, machines.create_project(directory)),
    "memory": lambda directory: machines.measure_memory(directory, machines.create_project(directory)),
    "frameworks": measure_frameworks,
    "matrix": measure_matrix,
    "hundred": measure_hundred,
    "flakes": measure_flakes,
    "watch": measure_watch,
}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
