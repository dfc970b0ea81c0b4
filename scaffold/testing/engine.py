# SPDX-License-Identifier: BSD-2-Clause
"""Test many projects on many kernels in parallel: build each project once, then run it on each kernel."""

import os
import re
import time
from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from scaffold.testing.build import build
from scaffold.testing.pool import Completed, Note, WorkerPool
from scaffold.testing.sandbox.builds import SandboxedBuilds
from scaffold.testing.schedule import BuildStep, Job, Policy, Schedule, Step
from scaffold.vmtest.cache import cache_root, prune
from scaffold.vmtest.errors import ManifestError
from scaffold.vmtest.run import run_project
from scaffold.vmtest.verdict import Outcome, Verdict

WAIT_SECONDS = 0.5
MAX_LOGS_BYTES = 256 << 20


@dataclass(frozen=True)
class Started:
    """A job has started, or a build, for which `kernel` is empty."""

    project: str
    kernel: str


@dataclass(frozen=True)
class Ended(Started):
    """A job or build has ended. `failure` is the verdict of a build that failed."""

    failure: Verdict | None = None


@dataclass(frozen=True)
class Idle:
    """No event has occurred for `WAIT_SECONDS`: a chance to refresh a display."""


Event = Started | Ended | Idle | Note | Verdict


def run_jobs(
    jobs: Sequence[Job], policy: Policy, logs: Path, sandboxed: SandboxedBuilds | None = None
) -> Generator[Event, None, None]:
    """Build the projects of `jobs`, run the jobs, and yield the events as they occur.

    There is one verdict for each job, unless `fail_fast` of the policy ends the test early. A project whose build fails
    fails on every kernel. A job that crashes or hangs does not affect the others. Console logs of jobs that do not pass
    are written to the directory `logs`. With `sandboxed`, all code of the projects runs in sandboxes and guests.
    """
    schedule = Schedule(list(jobs), policy)

    def work(step: Step) -> Verdict | None:
        return _run_step(step, logs, sandboxed)

    with WorkerPool[Step, Verdict | None](work) as workers:
        while schedule.has_work:
            while step := schedule.take_next(workers.tasks):
                workers.submit(step)
                yield Started(*_label(step))
            reports = workers.wait(WAIT_SECONDS)
            if not reports:
                yield Idle()
            for report in reports:
                if isinstance(report, Note):
                    yield report
                    continue
                step = report.task
                result = report.result if isinstance(report, Completed) else _error_verdict(step, report.reason)
                yield Ended(*_label(step), result if isinstance(step, BuildStep) else None)
                yield from schedule.finish(step, result)
            if schedule.has_ended_early:
                return


def _run_step(step: Step, logs: Path, sandboxed: SandboxedBuilds | None) -> Verdict | None:
    manifest = step.manifest
    if isinstance(step, BuildStep):
        return sandboxed.build(manifest, step.arch) if sandboxed else build(manifest, step.arch)
    log = logs / _log_name(step)
    try:
        if sandboxed:
            libraries = partial(sandboxed.libraries, manifest)
            return run_project(sandboxed.built_manifest(manifest), step.kernel, step.arch, log, libraries)
        return run_project(manifest, step.kernel, step.arch, log)
    except ManifestError as error:  # the build succeeded, but a file of the manifest does not exist
        return replace(_error_verdict(step, str(error)), verdict=Outcome.FAIL)


def _log_name(job: Job) -> str:
    return re.sub(r"[^\w.+-]+", "_", f"{job.manifest.project}-{job.kernel}-{job.arch}") + ".log"


def _label(step: Step) -> tuple[str, str]:
    return step.manifest.project, step.kernel if isinstance(step, Job) else ""


def _error_verdict(step: Step, reason: str) -> Verdict:
    project, kernel = _label(step)
    return Verdict(project, step.manifest.framework, kernel, step.arch, verdict=Outcome.ERROR, reason=reason)


def log_directory() -> Path:
    """Return the path of a new directory for logs in the cache, after removing the oldest ones beyond its limit."""
    logs = cache_root() / "logs"
    prune(logs, MAX_LOGS_BYTES)
    return logs / f"{time.strftime('%Y-%m-%d-%H%M%S')}-{os.getpid()}"


def default_parallelism() -> int:
    """Return how many builds and guests run in parallel by default: one more than this process may use cores.

    A guest does not use its core all the time: it also waits, for example for a program to end.
    """
    return len(os.sched_getaffinity(0)) + 1
