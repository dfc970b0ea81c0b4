# SPDX-License-Identifier: BSD-2-Clause
"""Many projects on many kernels in one command, against single runs; and whether a sound project ever fails.

What makes it fair: the projects are built before, the kernels fetched. The one command finds the guests saved, as it
does from its second time on. A single run is what somebody types without having heard of the rest: one process for
each project and kernel, that boots its guest. Both see every event.
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
from tools.bench.measure import LIMIT, Row, ratio

KERNELS = ("5.10", "6.1", "6.12", "6.17", "6.18", "newest")
HUNDRED = 100
RUNS = 200
EBPF_NEW = Path(sys.executable).with_name("ebpf-new")


def measure_matrix(directory: Path) -> list[Row]:
    """Return the row of all frameworks on six kernels against as many single runs that boot."""
    projects = [_built(framework.name, directory) for framework in frameworks()]
    _passed(projects, KERNELS)
    together, alone = [], 0.0
    for project in projects:  # the one command in between, as machines are now faster and now slower
        together.append(_passed(projects, KERNELS))
        for kernel in KERNELS:
            alone += _passed([project], [kernel], {"XDG_CACHE_HOME": str(_kernels_only(directory))})
    name = f"{len(projects)} frameworks x {len(KERNELS)} kernels / single runs"
    return [ratio(name, statistics.mean(together), alone, 0.15)]


def measure_hundred(directory: Path) -> list[Row]:
    """Return the row of a hundred projects on one kernel."""
    sound = [_built(framework.name, directory) for framework in frameworks()]
    copies = [
        Path(shutil.copytree(sound[number % len(sound)], directory / str(number), symlinks=True))
        for number in range(HUNDRED)
    ]
    _passed(copies, ["6.1"])
    cores = len(os.sched_getaffinity(0))
    return [Row(f"{HUNDRED} projects on one kernel", _passed(copies, ["6.1"]), 60, f"on {cores} cores", " s")]


def measure_flakes(directory: Path) -> list[Row]:
    """Return the row of how many of 200 runs of a sound project do not pass."""
    project = _built("libbpf", directory)
    command = [sys.executable, "-m", "vmtest", str(project), "--kernel"]
    environment = {**os.environ, "PYTHONPATH": str(project / "test")}
    bad = [
        kernel
        for number in range(RUNS)
        for kernel in [("6.1", "6.12")[number % 2]]
        if subprocess.run([*command, kernel], env=environment, capture_output=True, check=False).returncode
    ]
    return [Row(f"flakes in {RUNS} runs in a row", len(bad), 0, "6.1 and 6.12 in turns, a process each")]


def _built(framework: str, directory: Path) -> Path:
    project = directory / f"{framework}-bench"
    if not project.exists():
        subprocess.run(
            [EBPF_NEW, project, "--framework", framework, "--yes", "--no-git"], check=True, stdout=subprocess.DEVNULL
        )
        subprocess.run(["make", "-C", project], env=_surroundings(), check=True, capture_output=True)
    return project


def _surroundings() -> dict[str, str]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith("MAKE")}
    return {**kept, "PATH": os.pathsep.join([*map(str, PROGRAMS), kept["PATH"]])}


def _passed(projects: Sequence[Path], kernels: Sequence[str], variables: dict[str, str] | None = None) -> float:
    """Return how many seconds the command took that tests `projects` on `kernels`.

    Raises:
        RuntimeError: not every pair passed.
    """
    named = [word for kernel in kernels for word in ("--kernel", kernel)]
    began = time.perf_counter()
    done = subprocess.run(
        [EBPF_NEW, "test", *projects, *named, "--json"],
        env={**_surroundings(), **(variables or {})}, capture_output=True, text=True, check=False, timeout=LIMIT,
    )  # fmt: skip
    took = time.perf_counter() - began
    verdicts = [json.loads(line) for line in done.stdout.splitlines()]
    if [each["verdict"] for each in verdicts] != ["pass"] * (len(projects) * len(kernels)):
        raise RuntimeError(f"not all passed: {done.stdout[-2000:]}{done.stderr[-2000:]}")
    return took


def _kernels_only(directory: Path) -> Path:
    """Return a fresh cache that holds the kernels and nothing else."""
    cache = directory / "cold"
    shutil.rmtree(cache, ignore_errors=True)
    (cache / "ebpf-new").mkdir(parents=True)
    for part in ("kernels", "apt", "busybox"):
        if (cache_root() / part).exists():
            (cache / "ebpf-new" / part).symlink_to(cache_root() / part)
    return cache
