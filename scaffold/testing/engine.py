# SPDX-License-Identifier: BSD-2-Clause
"""Projects x kernels: each project is built once, then runs on each kernel in a guest of its own, side by side."""

import os
import re
import time
from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from scaffold.testing.build import build
from scaffold.testing.pool import Done, Note, WorkerPool
from scaffold.testing.sandbox.builds import SandboxedBuilds
from scaffold.testing.schedule import BuildStep, Job, Policy, Schedule, Step
from scaffold.vmtest.cache import cache_root, prune
from scaffold.vmtest.errors import ManifestError
from scaffold.vmtest.run import run_project
from scaffold.vmtest.verdict import Outcome, Verdict

WAIT_SECONDS = 0.5
KEPT_LOGS_BYTES = 256 << 20


@dataclass(frozen=True)
class Started:
    """A run, or a build (then `kernel` is empty), has begun."""

    project: str
    kernel: str


@dataclass(frozen=True)
class Ended(Started):
    """What had begun is over; `failure` is that of a build."""

    failure: Verdict | None = None


@dataclass(frozen=True)
class Idle:
    """Nothing has happened for a while."""


Event = Started | Ended | Idle | Note | Verdict


def run_jobs(
    runs: Sequence[Job], rules: Policy, logs: Path, sandboxed: SandboxedBuilds | None = None
) -> Generator[Event, None, None]:
    """Make `runs`, and yield what happens as it happens: one verdict for each, unless `fail_fast` ends it early.

    A project that does not build fails on every kernel. Whatever happens to one run, the others go on. The consoles of
    the guests in which a program did not pass are kept in the directory `logs`. With `sandboxed` the projects may be
    anybody's.
    """
    schedule = Schedule(list(runs), rules)

    def work(step: Step) -> Verdict | None:
        return _work(step, logs, sandboxed)

    with WorkerPool[Step, Verdict | None](work) as workers:
        while schedule.unfinished:
            while step := schedule.next(workers.tasks):
                workers.give(step)
                yield Started(*_label(step))
            reports = workers.wait(WAIT_SECONDS)
            if not reports:
                yield Idle()
            for report in reports:
                if isinstance(report, Note):
                    yield report
                    continue
                result = report.result if isinstance(report, Done) else _lost(report.task, report.reason)
                yield Ended(*_label(report.task), result if isinstance(report.task, BuildStep) else None)
                yield from schedule.finish(report.task, result)
            if schedule.ended_early:
                return


def _work(step: Step, logs: Path, sandboxed: SandboxedBuilds | None) -> Verdict | None:
    manifest = step.manifest
    if isinstance(step, BuildStep):
        return sandboxed.build(manifest, step.arch) if sandboxed else build(manifest, step.arch)
    log = logs / _log_name(step)
    try:
        if sandboxed:
            libraries = partial(sandboxed.libraries, manifest)
            return run_project(sandboxed.built(manifest), step.kernel, step.arch, log, libraries)
        return run_project(manifest, step.kernel, step.arch, log)
    except ManifestError as error:  # a file that the build should have made is not there
        return replace(_lost(step, str(error)), verdict=Outcome.FAIL)


def _log_name(run: Job) -> str:
    return re.sub(r"[^\w.+-]+", "_", f"{run.manifest.project}-{run.kernel}-{run.arch}") + ".log"


def _label(step: Step) -> tuple[str, str]:
    return step.manifest.project, step.kernel if isinstance(step, Job) else ""


def _lost(step: Step, reason: str) -> Verdict:
    project, kernel = _label(step)
    return Verdict(project, step.manifest.framework, kernel, step.arch, reason=reason)


def log_directory() -> Path:
    """Return a new place for logs in the cache, in which older ones give way to newer ones."""
    kept = cache_root() / "logs"
    prune(kept, KEPT_LOGS_BYTES)
    return kept / f"{time.strftime('%Y-%m-%d-%H%M%S')}-{os.getpid()}"


def default_parallelism() -> int:
    """Return how many builds and guests to run at once: one more than the cores that this process may use.

    Guests wait at times, for a program to end, say.
    """
    return len(os.sched_getaffinity(0)) + 1
