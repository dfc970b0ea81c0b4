# SPDX-License-Identifier: BSD-2-Clause
"""The order in which projects are built and tested, and how many steps run in parallel."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from scaffold.testing.cgroups import free_memory
from scaffold.testing.pool import Note
from scaffold.vmtest.manifest import Manifest
from scaffold.vmtest.verdict import Outcome, Verdict

QEMU_OVERHEAD_MIB = 192  # memory of QEMU in addition to the guest's


@dataclass(frozen=True)
class Job:
    """One project to run on one kernel. Each job gets one verdict."""

    manifest: Manifest
    kernel: str
    arch: str


@dataclass(frozen=True)
class BuildStep:
    """One project to build before its jobs run."""

    manifest: Manifest
    arch: str


Step = BuildStep | Job


@dataclass(frozen=True)
class Policy:
    """How many steps run in parallel, and what happens after a failure."""

    max_parallel: int
    retries: int = 0  # of a job after an infrastructure error
    fail_fast: bool = False  # the first verdict that is not a pass ends the test


@dataclass
class Schedule:
    """The steps that are still to do, and the state of those that were started."""

    pending_jobs: list[Job]
    policy: Policy
    kernels: list[str] = field(init=False)
    pending_builds: list[BuildStep] = field(init=False)
    built: set[Path] = field(default_factory=set)
    booted_kernels: set[str] = field(default_factory=set)  # a job on them is complete, so their guests are saved
    attempts: dict[Job, int] = field(default_factory=dict)
    running: int = 0
    has_ended_early: bool = False

    def __post_init__(self) -> None:
        self.kernels = list(dict.fromkeys(job.kernel for job in self.pending_jobs))
        builds = {job.manifest.root: BuildStep(job.manifest, job.arch) for job in self.pending_jobs}
        self.pending_builds = list(builds.values())

    @property
    def has_work(self) -> bool:
        """Return whether a step is pending or running."""
        return bool(self.pending_builds or self.pending_jobs or self.running)

    def take_next(self, running: Sequence[Step]) -> Step | None:
        """Return the step to start now in addition to those `running`, or None if it must wait for one of them."""
        if len(running) >= self.policy.max_parallel:
            return None
        step = self._choose(running)
        if step is None or (running and isinstance(step, Job) and not _has_memory_for(step, running)):
            return None
        if isinstance(step, Job):
            self.pending_jobs.remove(step)
        else:
            self.pending_builds.remove(step)
        self.running += 1
        return step

    def _choose(self, running: Sequence[Step]) -> Step | None:
        if self.pending_builds:
            return self.pending_builds[0]
        ready = [job for job in self.pending_jobs if job.manifest.root in self.built]
        # Kernel by kernel, so that the cache need not keep the saved guests of all kernels at once. While the first job
        # on a kernel boots its guest, jobs on other kernels come first: they need not wait for that guest.
        booting = {step.kernel for step in running if isinstance(step, Job)} - self.booted_kernels
        return min(ready, key=lambda job: (job.kernel in booting, self.kernels.index(job.kernel)), default=None)

    def finish(self, step: Step, result: Verdict | None) -> list[Verdict | Note]:
        """Record the result of a step, and return the final verdicts and the notes that follow from it.

        `result` is the verdict of a job, or the failure of a build: None if it succeeded.
        """
        self.running -= 1
        if isinstance(step, BuildStep):
            return self._finish_build(step, result)
        self.booted_kernels.add(step.kernel)
        assert result is not None
        attempts = self.attempts[step] = self.attempts.get(step, 0) + 1
        if result.verdict is Outcome.ERROR and attempts <= self.policy.retries:
            self.pending_jobs.insert(0, step)
            return [Note(f"retrying {result.project} on {result.kernel}: {result.reason}")]
        return self._complete([result])

    def _finish_build(self, step: BuildStep, failure: Verdict | None) -> list[Verdict | Note]:
        root = step.manifest.root
        self.built.add(root)
        if failure is None:
            return []
        failed = [job for job in self.pending_jobs if job.manifest.root == root]
        self.pending_jobs = [job for job in self.pending_jobs if job.manifest.root != root]
        return self._complete([replace(failure, kernel=job.kernel) for job in failed])

    def _complete(self, verdicts: Sequence[Verdict]) -> list[Verdict | Note]:
        if self.policy.fail_fast and any(verdict.verdict is not Outcome.PASS for verdict in verdicts):
            self.has_ended_early = True
        return list(verdicts)


def _has_memory_for(job: Job, running: Sequence[Step]) -> bool:
    """Return whether the free memory suffices for the guest of `job` and for all of the guests that run.

    Guests that have just started do not use all of their memory yet, so it is counted again.
    """
    guests = [job, *(step for step in running if isinstance(step, Job))]
    return sum(guest.manifest.memory + QEMU_OVERHEAD_MIB for guest in guests) << 20 <= free_memory()
