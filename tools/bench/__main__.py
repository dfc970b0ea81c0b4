# SPDX-License-Identifier: BSD-2-Clause
"""`python -m tools.bench [PART]...`: measures all of it, or the parts that are named (PARTS, below).

Exit status: 0 every figure is within its bar; 1 one is not; 2 wrong usage.
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
        print(f"bench: no part is called {unknown[0]!r}: there are {', '.join(PARTS)}", file=sys.stderr)
        return 2
    holds = True
    print(HEAD)
    for name in names or PARTS:
        with tempfile.TemporaryDirectory(prefix="bench-") as place:
            for row in PARTS[name](Path(place)):
                print(row, flush=True)
                holds = holds and row.holds
    return 0 if holds else 1


def _boots(directory: Path) -> list[Row]:
    project = machines.made_project(directory)
    return [row for spec in machines.KERNELS for row in machines.measure_boots(directory, project, spec)]


PARTS: dict[str, Callable[[Path], Sequence[Line]]] = {
    "rendering": measure_rendering,
    "start": measure_start,
    "course": measure_course,
    "boots": _boots,
    "virtme": lambda directory: machines.measure_virtme(directory, machines.made_project(directory)),
    "memory": lambda directory: machines.measure_memory(directory, machines.made_project(directory)),
    "frameworks": measure_frameworks,
    "matrix": measure_matrix,
    "hundred": measure_hundred,
    "flakes": measure_flakes,
    "watch": measure_watch,
}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
