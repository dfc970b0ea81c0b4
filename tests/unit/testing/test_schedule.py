# SPDX-License-Identifier: BSD-2-Clause
"""What is done next: builds once each, then kernel by kernel, within cores and memory."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

import scaffold.testing.schedule
from scaffold.testing.schedule import BuildStep, Job, Policy, Schedule, Step
from scaffold.vmtest.manifest import EventSource, Manifest
from scaffold.vmtest.verdict import Outcome, Verdict

MANIFEST = Manifest(
    root=Path("a"), project="a", framework="", files=("a",), memory=256, command=("a",), filter=(), ready="Attached",
    source=EventSource.TRACE, trigger=("true",), pattern=re.compile("(?P<pid>[0-9]+)"), seconds=30, boot_seconds=30,
)  # fmt: skip
KERNELS = ("5.10", "6.1")
PASS = Verdict("a", "", "", verdict=Outcome.PASS)


def runs(*projects: str) -> list[Job]:
    """Return a run for each of `projects` on each kernel, project by project."""
    return [
        Job(replace(MANIFEST, root=Path(name), project=name), kernel, "amd64")
        for name in projects
        for kernel in KERNELS
    ]


def labels(steps: list[Step]) -> list[str]:
    """Return each step in short."""
    return [
        f"make {step.manifest.project}" if isinstance(step, BuildStep) else f"{step.manifest.project} {step.kernel}"
        for step in steps
    ]


def take(schedule: Schedule, *running: Step) -> list[Step]:
    """Take all that may be started beside `running`."""
    tasks = list(running)
    while step := schedule.next(tasks):
        tasks.append(step)
    return tasks[len(running) :]


def finish(schedule: Schedule, *steps: Step) -> None:
    """Let each of `steps` end well."""
    for step in steps:
        schedule.finish(step, None if isinstance(step, BuildStep) else PASS)


def test_one_after_another_goes_kernel_by_kernel() -> None:
    schedule = Schedule(runs("a", "b"), Policy(jobs=1))
    order = []
    while schedule.unfinished:
        (step,) = take(schedule)
        order.append(step)
        finish(schedule, step)
    assert labels(order) == ["make a", "make b", "a 5.10", "b 5.10", "a 6.1", "b 6.1"]


def test_beside_a_guest_that_boots_another_kernel_is_taken_first() -> None:
    schedule = Schedule(runs("a", "b", "c"), Policy(jobs=3))
    finish(schedule, *take(schedule))
    first = take(schedule)
    assert labels(first) == ["a 5.10", "a 6.1", "b 5.10"]
    finish(schedule, first[0])
    assert labels(take(schedule, *first[1:])) == ["c 5.10"]


def test_a_project_that_is_not_built_does_not_run() -> None:
    schedule = Schedule(runs("a", "b"), Policy(jobs=2))
    both = take(schedule)
    finish(schedule, both[0])
    assert labels(take(schedule, both[1])) == ["a 5.10"]


def test_one_that_does_not_build_has_its_verdict_on_every_kernel() -> None:
    schedule = Schedule(runs("a", "b"), Policy(jobs=1))
    (build,) = take(schedule)
    told = schedule.finish(build, replace(PASS, verdict=Outcome.FAIL, reason="it does not build"))
    assert [(each.kernel, each.reason) for each in told if isinstance(each, Verdict)] == [
        (kernel, "it does not build") for kernel in KERNELS
    ]
    assert labels(take(schedule)) == ["make b"]


def test_without_memory_one_runs_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scaffold.testing.schedule, "free_memory", lambda: 600 << 20)
    schedule = Schedule(runs("a", "b"), Policy(jobs=4))
    finish(schedule, *take(schedule))
    first = take(schedule)
    assert labels(first) == ["a 5.10"]
    monkeypatch.setattr(scaffold.testing.schedule, "free_memory", lambda: 1000 << 20)
    assert labels(take(schedule, *first)) == ["a 6.1"]


@pytest.mark.parametrize("retries", [0, 1, 2])
def test_only_the_faults_of_the_machine_are_tried_again(retries: int) -> None:
    schedule = Schedule(runs("a")[:1], Policy(jobs=1, retries=retries))
    finish(schedule, *take(schedule))
    for _ in range(retries):
        (run,) = take(schedule)
        (note,) = schedule.finish(run, replace(PASS, verdict=Outcome.ERROR))
        assert not isinstance(note, Verdict) and schedule.unfinished
    (run,) = take(schedule)
    assert schedule.finish(run, replace(PASS, verdict=Outcome.ERROR)) == [replace(PASS, verdict=Outcome.ERROR)]
    assert not schedule.unfinished
    schedule = Schedule(runs("a")[:1], Policy(jobs=1, retries=retries))
    finish(schedule, *take(schedule))
    (run,) = take(schedule)
    assert schedule.finish(run, replace(PASS, verdict=Outcome.FAIL)) == [replace(PASS, verdict=Outcome.FAIL)]


@pytest.mark.parametrize("fail_fast", [False, True])
def test_the_first_that_fails_ends_it_early_if_asked_to(fail_fast: bool) -> None:
    schedule = Schedule(runs("a"), Policy(jobs=1, fail_fast=fail_fast))
    finish(schedule, *take(schedule))
    (run,) = take(schedule)
    schedule.finish(run, PASS)
    assert not schedule.ended_early
    (run,) = take(schedule)
    schedule.finish(run, replace(PASS, verdict=Outcome.TIMEOUT))
    assert schedule.ended_early is fail_fast
