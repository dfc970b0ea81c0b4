# SPDX-License-Identifier: BSD-2-Clause
"""The events and verdicts of jobs that end without a guest: after a failed build, or with a kernel that is missing."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from scaffold.testing.engine import Ended, Event, Idle, Started, run_jobs
from scaffold.testing.pool import Note
from scaffold.testing.schedule import Job, Policy
from scaffold.vmtest.verdict import Outcome, Verdict
from tests.unit.testing.manifests import MANIFEST

MISSING_KERNELS = ["/no/such/kernel", "/no/such/image"]


def create_jobs(directory: Path, name: str, build: str) -> list[Job]:
    """Create a project whose build runs the shell script `build`, and return a job for each missing kernel."""
    root = directory / name
    root.mkdir()
    (root / "a").write_text("program")
    manifest = replace(MANIFEST, root=root, project=name, build=("sh", "-c", build))
    return [Job(manifest, kernel, "amd64") for kernel in MISSING_KERNELS]


def run(jobs: Sequence[Job], policy: Policy, logs: Path) -> list[Event]:
    return [event for event in run_jobs(jobs, policy, logs) if not isinstance(event, Idle)]


def verdicts(events: Sequence[Event]) -> dict[tuple[str, str], Outcome]:
    return {(event.project, event.kernel): event.verdict for event in events if isinstance(event, Verdict)}


def test_a_failed_build_is_the_verdict_on_every_kernel(tmp_path: Path) -> None:
    events = run(create_jobs(tmp_path, "broken", "echo no such type; exit 1"), Policy(2), tmp_path / "logs")
    started, ended, *results = events
    assert started == Started("broken", "")
    assert isinstance(ended, Ended) and ended.failure is not None and "no such type" in ended.failure.reason
    assert results == [replace(ended.failure, kernel=kernel) for kernel in MISSING_KERNELS]


def test_other_projects_run_after_a_failure(tmp_path: Path) -> None:
    jobs = [*create_jobs(tmp_path, "broken", "exit 1"), *create_jobs(tmp_path, "sound", "touch built")]
    events = run(jobs, Policy(2), tmp_path / "logs")
    outcomes = {"broken": Outcome.FAIL, "sound": Outcome.ERROR}
    assert verdicts(events) == {
        (name, kernel): outcome for name, outcome in outcomes.items() for kernel in MISSING_KERNELS
    }
    assert (tmp_path / "sound/built").exists()


def test_fail_fast_starts_no_further_job(tmp_path: Path) -> None:
    jobs = [*create_jobs(tmp_path, "broken", "exit 1"), *create_jobs(tmp_path, "sound", "touch built")]
    events = run(jobs, Policy(1, fail_fast=True), tmp_path / "logs")
    assert {project for project, _ in verdicts(events)} == {"broken"}
    assert not (tmp_path / "sound/built").exists()


def test_an_infrastructure_error_is_retried(tmp_path: Path) -> None:
    (job, _) = create_jobs(tmp_path, "sound", "true")
    events = run([job], Policy(1, retries=2), tmp_path / "logs")
    assert sum(isinstance(event, Note) for event in events) == 2
    assert sum(type(event) is Started and event.kernel != "" for event in events) == 3
    assert verdicts(events) == {("sound", job.kernel): Outcome.ERROR}


@pytest.mark.parametrize("max_parallel", [1, 3])
def test_a_file_that_the_build_did_not_write_fails_the_job(tmp_path: Path, max_parallel: int) -> None:
    jobs = create_jobs(tmp_path, "sound", "rm a")
    events = run(jobs, Policy(max_parallel), tmp_path / "logs")
    assert set(verdicts(events).values()) == {Outcome.FAIL}
