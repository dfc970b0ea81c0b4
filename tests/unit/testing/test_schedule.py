# SPDX-License-Identifier: BSD-2-Clause
"""The order of steps: each project is built once, then jobs run kernel by kernel, within the limits."""

from dataclasses import replace
from pathlib import Path

import pytest

import scaffold.testing.schedule
from scaffold.testing.pool import Note
from scaffold.testing.schedule import BuildStep, Job, Policy, Schedule, Step
from scaffold.vmtest.verdict import Outcome, Verdict
from tests.unit.testing.manifests import MANIFEST

KERNELS = ("5.10", "6.1")
PASS = Verdict("a", "", "", verdict=Outcome.PASS)


def jobs_of(*projects: str) -> list[Job]:
    """Return a job for each of `projects` on each kernel, project by project."""
    return [
        Job(replace(MANIFEST, root=Path(name), project=name), kernel, "amd64")
        for name in projects
        for kernel in KERNELS
    ]


def labels(steps: list[Step]) -> list[str]:
    """Return a short name of each step."""
    return [
        f"make {step.manifest.project}" if isinstance(step, BuildStep) else f"{step.manifest.project} {step.kernel}"
        for step in steps
    ]


def take(schedule: Schedule, *running: Step) -> list[Step]:
    """Take all steps that can start in addition to `running`."""
    steps = list(running)
    while step := schedule.take_next(steps):
        steps.append(step)
    return steps[len(running) :]


def finish(schedule: Schedule, *steps: Step) -> None:
    """Let each of `steps` succeed."""
    for step in steps:
        schedule.finish(step, None if isinstance(step, BuildStep) else PASS)


def test_without_parallelism_the_order_is_kernel_by_kernel() -> None:
    schedule = Schedule(jobs_of("a", "b"), Policy(max_parallel=1))
    order = []
    while schedule.has_work:
        (step,) = take(schedule)
        order.append(step)
        finish(schedule, step)
    assert labels(order) == ["make a", "make b", "a 5.10", "b 5.10", "a 6.1", "b 6.1"]


def test_jobs_do_not_wait_for_the_first_guest_of_a_kernel() -> None:
    schedule = Schedule(jobs_of("a", "b", "c"), Policy(max_parallel=3))
    finish(schedule, *take(schedule))
    first = take(schedule)
    assert labels(first) == ["a 5.10", "a 6.1", "b 5.10"]
    finish(schedule, first[0])
    assert labels(take(schedule, *first[1:])) == ["c 5.10"]


def test_after_the_first_guest_of_a_kernel_its_other_jobs_come_first() -> None:
    schedule = Schedule(jobs_of("a", "b", "c"), Policy(max_parallel=3))
    finish(schedule, *take(schedule))
    first = schedule.take_next([])
    assert first is not None
    finish(schedule, first)
    assert labels(take(schedule)) == ["b 5.10", "c 5.10", "a 6.1"]


def test_a_project_does_not_run_before_it_is_built() -> None:
    schedule = Schedule(jobs_of("a", "b"), Policy(max_parallel=2))
    both = take(schedule)
    finish(schedule, both[0])
    assert labels(take(schedule, both[1])) == ["a 5.10"]


def test_a_failed_build_is_the_verdict_on_every_kernel() -> None:
    schedule = Schedule(jobs_of("a", "b"), Policy(max_parallel=1))
    (build,) = take(schedule)
    verdicts = schedule.finish(build, replace(PASS, verdict=Outcome.FAIL, reason="no"))
    assert [(verdict.kernel, verdict.reason) for verdict in verdicts if isinstance(verdict, Verdict)] == [
        (kernel, "no") for kernel in KERNELS
    ]
    assert labels(take(schedule)) == ["make b"]


def test_without_memory_jobs_run_one_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scaffold.testing.schedule, "free_memory", lambda: 600 << 20)
    schedule = Schedule(jobs_of("a", "b"), Policy(max_parallel=4))
    finish(schedule, *take(schedule))
    first = take(schedule)
    assert labels(first) == ["a 5.10"]
    monkeypatch.setattr(scaffold.testing.schedule, "free_memory", lambda: 1000 << 20)
    assert labels(take(schedule, *first)) == ["a 6.1"]


@pytest.mark.parametrize("retries", [0, 1, 2])
def test_only_infrastructure_errors_are_retried(retries: int) -> None:
    schedule = Schedule(jobs_of("a")[:1], Policy(max_parallel=1, retries=retries))
    finish(schedule, *take(schedule))
    for _ in range(retries):
        (job,) = take(schedule)
        (note,) = schedule.finish(job, replace(PASS, verdict=Outcome.ERROR))
        assert isinstance(note, Note) and schedule.has_work
    (job,) = take(schedule)
    assert schedule.finish(job, replace(PASS, verdict=Outcome.ERROR)) == [replace(PASS, verdict=Outcome.ERROR)]
    assert not schedule.has_work
    schedule = Schedule(jobs_of("a")[:1], Policy(max_parallel=1, retries=retries))
    finish(schedule, *take(schedule))
    (job,) = take(schedule)
    assert schedule.finish(job, replace(PASS, verdict=Outcome.FAIL)) == [replace(PASS, verdict=Outcome.FAIL)]


@pytest.mark.parametrize("fail_fast", [False, True])
def test_fail_fast_ends_the_test_after_the_first_failure(fail_fast: bool) -> None:
    schedule = Schedule(jobs_of("a"), Policy(max_parallel=1, fail_fast=fail_fast))
    finish(schedule, *take(schedule))
    (job,) = take(schedule)
    schedule.finish(job, PASS)
    assert not schedule.has_ended_early
    (job,) = take(schedule)
    schedule.finish(job, replace(PASS, verdict=Outcome.TIMEOUT))
    assert schedule.has_ended_early is fail_fast
