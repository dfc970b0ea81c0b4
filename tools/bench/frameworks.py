# SPDX-License-Identifier: BSD-2-Clause
"""The frameworks side by side: times to build and to attach, size to ship, and lines to read.

Why the comparison is fair: all frameworks have the same program. Each repository is created by `ebpf-new` and built
by its own make on this machine, one after the other. Downloads are finished before the clock starts. A cold build has
empty compiler caches; a warm build follows an edit of the BPF program. The size is that of the archive of `make
dist`. The time to attach is measured in a saved guest. The lines to read do not include texts, lock files, settings
of editors, files for Nix, and the directories that all repositories share with the generator (test/, tools/).
"""

import os
import statistics
import sys
from dataclasses import dataclass
from pathlib import Path

from scaffold.project.catalog import Framework, frameworks
from scaffold.vmtest.manifest import load_manifest
from scaffold.vmtest.run import run_project
from tests.toolchains import PROGRAMS
from tools.bench.measure import seconds_of

KERNEL = "6.1"
WARM_BUILDS = 3
RUNS = 5
SCRIPTS = Path(sys.executable).parent
UNCOUNTED_DIRECTORIES = ("test", "tools", ".github", ".devcontainer")
UNCOUNTED_FILES = ("*.md", "LICENSE", "*.sum", "*.lock", "*.nix", ".*")


@dataclass(frozen=True)
class Figures:
    """The figures of one framework. A warm build follows an edit; a cold one has no caches."""

    title: str
    cold: float  # seconds
    warm: float  # seconds
    shipped: int  # bytes
    attach: float  # seconds
    lines: int

    def __str__(self) -> str:
        cells = (
            self.title,
            f"{self.cold:.1f} s",
            f"{self.warm:.1f} s",
            f"{self.shipped / 1e6:.1f} MB" if self.shipped >= 1e5 else f"{self.shipped / 1e3:.0f} kB",
            f"{self.attach:.2f} s",
            str(self.lines),
        )
        return f"| {' | '.join(cells)} |"


@dataclass(frozen=True)
class Table:
    """The figures of all frameworks, as README.md and docs/frameworks.md show them."""

    figures: tuple[Figures, ...]
    is_within_limit: bool = True  # these figures have no limit

    def __str__(self) -> str:
        titles = ("framework", "first build", "build after an edit", "shipped", "attached after", "lines to read")
        head = [f"| {' | '.join(titles)} |", f"| {' | '.join('---' for _ in titles)} |"]
        return "\n".join(["", *head, *map(str, self.figures)])


def measure_frameworks(directory: Path) -> list[Table]:
    """Return the one table. The files go to the empty `directory`."""
    return [Table(tuple(_measure(framework, directory / framework.name) for framework in frameworks()))]


def _measure(framework: Framework, directory: Path) -> Figures:
    project = directory / "hello"
    seconds_of([SCRIPTS / "ebpf-new", project, "--framework", framework.name, "--yes", "--no-git"])
    lines = sum(map(_count_lines, _files_to_read(project)))
    _make(project, directory, "build")
    _make(project, directory, "clean")
    cold = _make(project, directory / "empty", "build")
    _make(project, directory / "empty", "dist")
    (archive,) = project.glob("dist/*.tar.gz")
    return Figures(
        title=framework.title,
        cold=cold,
        warm=_warm_build_seconds(project, directory / "empty"),
        shipped=archive.stat().st_size,
        attach=_seconds_to_attach(project),
        lines=lines,
    )


def _make(project: Path, caches: Path, target: str) -> float:
    """Run make with the compilers' caches in `caches`, and return its time in seconds."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("MAKE", "CARGO_TARGET"))}
    path = os.pathsep.join([*map(str, PROGRAMS), kept["PATH"]])
    return seconds_of(["make", "-C", project, target], {**kept, "PATH": path, "GOCACHE": str(caches)})


def _warm_build_seconds(project: Path, caches: Path) -> float:
    program = project / "src" / "minimal.bpf.c"
    text = program.read_text()
    seconds = []
    for number in range(WARM_BUILDS):
        program.write_text(text.replace("from PID", f"from PID no. {number}"))
        seconds.append(_make(project, caches, "build"))
    program.write_text(text)
    _make(project, caches, "build")
    return statistics.median(seconds)


def _seconds_to_attach(project: Path) -> float:
    manifest = load_manifest(project)
    seconds = []
    for _ in range(RUNS + 1):
        verdict = run_project(manifest, KERNEL)
        if verdict.verdict != "pass":
            raise RuntimeError(f"{project} does not pass on {KERNEL}: {verdict.reason}")
        seconds.append(verdict.attach_s)
    return statistics.median(seconds[1:])


def _files_to_read(project: Path) -> list[Path]:
    files = {path.relative_to(project): path for path in project.rglob("*") if path.is_file()}
    return [
        path
        for name, path in files.items()
        if name.parts[0] not in UNCOUNTED_DIRECTORIES and not any(map(name.match, UNCOUNTED_FILES))
    ]


def _count_lines(path: Path) -> int:
    return sum(1 for line in path.read_text().splitlines() if line.strip())
