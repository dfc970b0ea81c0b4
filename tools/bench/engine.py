# SPDX-License-Identifier: BSD-2-Clause
"""Many projects on many kernels in one command, against single runs; and how often a correct project fails.

Why the comparison is fair: the projects are built and the kernels downloaded before. The one command starts saved
guests, as it does from the second call on. A single run is the simplest way to test: one process for each project and
kernel, which boots its guest. Both wait for every event.
"""

import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from scaffold.project.catalog import frameworks
from scaffold.vmtest.cache import cache_root
from tests.toolchains import PROGRAMS
from tools.bench.measure import PROCESS_SECONDS, Row, ratio

KERNELS = ("5.10", "6.1", "6.12", "6.17", "6.18", "newest")
PROJECTS = 100
RUNS = 200
EBPF_NEW = Path(sys.executable).with_name("ebpf-new")


def measure_matrix(directory: Path) -> list[Row]:
    """Return the row for all frameworks on six kernels, against single runs that boot a guest each."""
    projects = [_build_project(framework.name, directory) for framework in frameworks()]
    _seconds_to_pass(projects, KERNELS)
    together, alone = [], 0.0
    for project in projects:  # both ways alternate, because the speed of machines varies
        together.append(_seconds_to_pass(projects, KERNELS))
        for kernel in KERNELS:
            alone += _seconds_to_pass([project], [kernel], {"XDG_CACHE_HOME": str(_kernels_only(directory))})
    name = f"{len(projects)} frameworks x {len(KERNELS)} kernels / single runs"
    return [ratio(name, statistics.mean(together), alone, 0.15)]


def measure_hundred(directory: Path) -> list[Row]:
    """Return the row for a hundred projects on one kernel."""
    originals = [_build_project(framework.name, directory) for framework in frameworks()]
    copies = [
        Path(shutil.copytree(originals[number % len(originals)], directory / str(number), symlinks=True))
        for number in range(PROJECTS)
    ]
    _seconds_to_pass(copies, ["6.1"])
    cores = len(os.sched_getaffinity(0))
    return [Row(f"{PROJECTS} projects on one kernel", _seconds_to_pass(copies, ["6.1"]), 60, f"on {cores} cores", " s")]


def measure_flakes(directory: Path) -> list[Row]:
    """Return the row for the number of failures in 200 runs of a correct project."""
    project = _build_project("libbpf", directory)
    command = [sys.executable, "-m", "vmtest", str(project), "--kernel"]
    environment = {**os.environ, "PYTHONPATH": str(project / "test")}
    failures = [
        kernel
        for number in range(RUNS)
        for kernel in [("6.1", "6.12")[number % 2]]
        if subprocess.run([*command, kernel], env=environment, capture_output=True, check=False).returncode
    ]
    return [Row(f"flakes in {RUNS} runs in a row", len(failures), 0, "6.1 and 6.12 in turns, one process each")]


def _build_project(framework: str, directory: Path) -> Path:
    project = directory / f"{framework}-bench"
    if not project.exists():
        subprocess.run(
            [EBPF_NEW, project, "--framework", framework, "--yes", "--no-git"], check=True, stdout=subprocess.DEVNULL
        )
        subprocess.run(["make", "-C", project], env=_environment(), check=True, capture_output=True)
    return project


def _environment() -> dict[str, str]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith("MAKE")}
    return {**kept, "PATH": os.pathsep.join([*map(str, PROGRAMS), kept["PATH"]])}


def _seconds_to_pass(
    projects: Sequence[Path], kernels: Sequence[str], variables: dict[str, str] | None = None
) -> float:
    """Test `projects` on `kernels` in one command, and return its time in seconds.

    Raises:
        RuntimeError: not every case passed.
    """
    options = [word for kernel in kernels for word in ("--kernel", kernel)]
    start = time.perf_counter()
    done = subprocess.run(
        [EBPF_NEW, "test", *projects, *options, "--json"],
        env={**_environment(), **(variables or {})},
        capture_output=True,
        text=True,
        check=False,
        timeout=PROCESS_SECONDS,
    )
    seconds = time.perf_counter() - start
    verdicts = [json.loads(line) for line in done.stdout.splitlines()]
    if [verdict["verdict"] for verdict in verdicts] != ["pass"] * (len(projects) * len(kernels)):
        raise RuntimeError(f"not all passed: {done.stdout[-2000:]}{done.stderr[-2000:]}")
    return seconds


def _kernels_only(directory: Path) -> Path:
    """Create a cache with only the kernels and what is needed to boot them, and return it."""
    cache = directory / "cold"
    shutil.rmtree(cache, ignore_errors=True)
    (cache / "ebpf-new").mkdir(parents=True)
    for part in ("kernels", "apt", "busybox"):
        if (cache_root() / part).exists():
            (cache / "ebpf-new" / part).symlink_to(cache_root() / part)
    return cache
