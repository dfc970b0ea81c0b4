# SPDX-License-Identifier: BSD-2-Clause
"""A course of a thousand repositories, against a loop of the shell that makes them; and the memory that it takes.

What makes it fair: both render the same template with as many answers, and commit. The loop is what a teacher types
who knows cookiecutter and git. It makes 25, before and after the course, because each takes as long as the one
before. The course takes all cores, as it does without being told; a loop of a shell takes one. Nothing is removed in
between: a file system that has just lost many files is slow to make others.
"""

import os
import shlex
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from scaffold.project.catalog import templates_directory
from tools.bench.measure import LIMIT, Row, ratio, seconds_of
from tools.bench.rendering import FRAMEWORK, SCRIPTS

ROWS = 1000
FEW = 100
LOOP = 25
MEMORY_BAR = 8  # MB more after a thousand rows than after a hundred
# The command as its script calls it; at the end it says its own peak memory, and that of the largest of its workers.
PEAK = """
import resource, sys
from scaffold.__main__ import main
try:
    main()
finally:
    print(*(resource.getrusage(each).ru_maxrss for each in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)))
"""


def measure_course(directory: Path) -> list[Row]:
    """Return the rows of the time for a repository and of memory. `directory` is empty and may be filled."""
    environment = _environment(directory)
    few = _peak(directory, FEW, environment)
    before = _loop(directory / "before", environment)
    course = seconds_of(_course(directory, ROWS, "course"), environment)
    after = _loop(directory / "after", environment)
    many = _peak(directory, ROWS, environment)
    return [
        ratio("a repository of a course / of a loop", course / ROWS, (before + after) / (2 * LOOP), 0.15),
        Row(f"peak memory, {ROWS} rows over {FEW}", many - few, MEMORY_BAR, f"{many:.1f} MB - {few:.1f} MB", " MB"),
    ]


def _course(directory: Path, rows: int, name: str) -> list[str | Path]:
    roster = directory / f"{name}.csv"
    lines = ["name,author,email", *(f"lab-{number},Ada {number},ada{number}@example.org" for number in range(rows))]
    roster.write_text("\n".join(lines) + "\n")
    return [SCRIPTS / "ebpf-new", "course", "new", roster, "--output-dir", directory / name, "--framework", FRAMEWORK]


def _loop(place: Path, environment: Mapping[str, str]) -> float:
    place.mkdir()
    cookiecutter, template = (
        shlex.quote(str(SCRIPTS / "cookiecutter")),
        shlex.quote(str(templates_directory() / FRAMEWORK)),
    )
    script = f"""
        set -e
        for number in $(seq {LOOP}); do
            {cookiecutter} {template} --no-input name=lab-$number author="Ada $number" email=ada$number@example.org \\
                framework={FRAMEWORK}
            (cd lab-$number && git init --quiet && git add . && git commit --quiet --message Start)
        done
    """
    return seconds_of(["sh", "-c", f"cd {shlex.quote(str(place))}\n{script}"], environment)


def _peak(directory: Path, rows: int, environment: Mapping[str, str]) -> float:
    command = _course(directory, rows, f"memory-{rows}")
    done = subprocess.run(
        [sys.executable, "-c", PEAK, *command[1:]],
        env=environment, capture_output=True, text=True, check=False, timeout=LIMIT,
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(f"no course was made: {done.stderr[-2000:]}")
    return max(map(int, done.stdout.split()[-2:])) * 1024 / 1e6


def _environment(directory: Path) -> dict[str, str]:
    home = directory / "home"
    home.mkdir()
    (home / ".gitconfig").write_text("[user]\n\tname = Ada\n\temail = ada@example.org\n")
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("XDG_", "GIT_"))}
    return {**kept, "HOME": str(home)}
