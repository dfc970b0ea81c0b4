# SPDX-License-Identifier: BSD-2-Clause
"""A course of a thousand repositories: its time against a shell loop that creates the same ones, and its memory.

Why the comparison is fair: both render the same template with the same number of answers, and commit. A teacher who
knows cookiecutter and git would write this loop. It creates 25 repositories before and 25 after the course; that is
enough, because each one takes the same time. The course uses all cores, its default; a shell loop uses one. No files
are removed in between, because a file system is slow just after it has removed many files.
"""

import os
import shlex
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from scaffold.project.catalog import templates_directory
from tools.bench.measure import PROCESS_SECONDS, Row, ratio, seconds_of
from tools.bench.rendering import FRAMEWORK, SCRIPTS

ROWS = 1000
FEW_ROWS = 100
LOOP_ROWS = 25
MEMORY_LIMIT = 8  # MB more for a thousand rows than for a hundred
# Calls the command like its script does. At the end it prints its own peak memory and that of its largest worker.
PEAK = """
import resource, sys
from scaffold.__main__ import main
try:
    main()
finally:
    print(*(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)))
"""


def measure_course(directory: Path) -> list[Row]:
    """Return the rows for the time of a repository and for memory. The files go to the empty `directory`."""
    environment = _environment(directory)
    few = _peak_megabytes(directory, FEW_ROWS, environment)
    before = _loop_seconds(directory / "before", environment)
    course = seconds_of(_course_command(directory, ROWS, "course"), environment)
    after = _loop_seconds(directory / "after", environment)
    many = _peak_megabytes(directory, ROWS, environment)
    return [
        ratio("a repository of a course / of a loop", course / ROWS, (before + after) / (2 * LOOP_ROWS), 0.15),
        Row(
            f"peak memory, {ROWS} rows over {FEW_ROWS}",
            many - few,
            MEMORY_LIMIT,
            f"{many:.1f} MB - {few:.1f} MB",
            " MB",
        ),
    ]


def _course_command(directory: Path, rows: int, name: str) -> list[str | Path]:
    roster = directory / f"{name}.csv"
    lines = ["name,author,email", *(f"lab-{number},Ada {number},ada{number}@example.org" for number in range(rows))]
    roster.write_text("\n".join(lines) + "\n")
    return [SCRIPTS / "ebpf-new", "course", "new", roster, "--output-dir", directory / name, "--framework", FRAMEWORK]


def _loop_seconds(directory: Path, environment: Mapping[str, str]) -> float:
    directory.mkdir()
    cookiecutter, template = (
        shlex.quote(str(SCRIPTS / "cookiecutter")),
        shlex.quote(str(templates_directory() / FRAMEWORK)),
    )
    script = f"""
        set -e
        for number in $(seq {LOOP_ROWS}); do
            {cookiecutter} {template} --no-input name=lab-$number author="Ada $number" email=ada$number@example.org \\
                framework={FRAMEWORK}
            (cd lab-$number && git init --quiet && git add . && git commit --quiet --message Start)
        done
    """
    return seconds_of(["sh", "-c", f"cd {shlex.quote(str(directory))}\n{script}"], environment)


def _peak_megabytes(directory: Path, rows: int, environment: Mapping[str, str]) -> float:
    command = _course_command(directory, rows, f"memory-{rows}")
    done = subprocess.run(
        [sys.executable, "-c", PEAK, *command[1:]],
        env=environment, capture_output=True, text=True, check=False, timeout=PROCESS_SECONDS,
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(f"ebpf-new course new failed: {done.stderr[-2000:]}")
    return max(map(int, done.stdout.split()[-2:])) * 1024 / 1e6


def _environment(directory: Path) -> dict[str, str]:
    home = directory / "home"
    home.mkdir()
    (home / ".gitconfig").write_text("[user]\n\tname = Ada\n\temail = ada@example.org\n")
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("XDG_", "GIT_"))}
    return {**kept, "HOME": str(home)}
