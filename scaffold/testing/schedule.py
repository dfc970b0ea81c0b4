# SPDX-License-Identifier: BSD-2-Clause
"""In which order projects are built and run, and how many at once."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from scaffold.testing.free_memory import free_memory
from scaffold.testing.pool import Note
from scaffold.vmtest.manifest import Manifest
from scaffold.vmtest.verdict import Outcome, Verdict

GUEST_OVERHEAD = 192  # MiB that QEMU takes beside the guest's memory


@dataclass(frozen=True)
class Job:
    """A project on a kernel: what gets one verdict."""

    manifest: Manifest
    kernel: str
    arch: str


@dataclass(frozen=True)
class BuildStep:
    """A project to be built, before its runs."""

    manifest: Manifest
    arch: str


Step = BuildStep | Job


@dataclass(frozen=True)
class Policy:
    """How many steps are done at once, how often a run that the machine spoilt is made again, and when to stop."""

    jobs: int
    retries: int = 0
    fail_fast: bool = False


@dataclass
class Schedule:
    """What is to be done, what may be done next, and what the end of a step means."""

    waiting: list[Job]
    rules: Policy
    kernels: list[str] = field(init=False)
    builds: list[BuildStep] = field(init=False)
    built: set[Path] = field(default_factory=set)
    seen: set[str] = field(default_factory=set)  # kernels on which a run has ended: their guests are saved
    tries: dict[Job, int] = field(default_factory=dict)
    running: int = 0
    ended_early: bool = False

    def __post_init__(self) -> None:
        self.kernels = list(dict.fromkeys(run.kernel for run in self.waiting))
        self.builds = list({run.manifest.root: BuildStep(run.manifest, run.arch) for run in self.waiting}.values())

    @property
    def unfinished(self) -> bool:
        """Tell whether there is something to do or to wait for."""
        return bool(self.builds or self.waiting or self.running)

    def next(self, tasks: Sequence[Step]) -> Step | None:
        """Return what to start now beside `tasks`, and None while there is no core or memory for anything."""
        if len(tasks) >= self.rules.jobs:
            return None
        step = self._choose(tasks)
        if step is None or (tasks and isinstance(step, Job) and not _fits(step, tasks)):
            return None
        if isinstance(step, Job):
            self.waiting.remove(step)
        else:
            self.builds.remove(step)
        self.running += 1
        return step

    def _choose(self, tasks: Sequence[Step]) -> Step | None:
        if self.builds:
            return self.builds[0]
        ready = [run for run in self.waiting if run.manifest.root in self.built]
        # Kernel by kernel, so that the cache need not hold the guests of all. Where a first run still boots the guest
        # that the others are to get, these can wait.
        booting = {task.kernel for task in tasks if isinstance(task, Job)} - self.seen
        return min(ready, key=lambda run: (run.kernel in booting, self.kernels.index(run.kernel)), default=None)

    def finish(self, step: Step, result: Verdict | None) -> list[Verdict | Note]:
        """Take in the result of a step, and return what is to be told."""
        self.running -= 1
        if isinstance(step, BuildStep):
            return self._finish_build(step, result)
        self.seen.add(step.kernel)
        assert result is not None
        tries = self.tries[step] = self.tries.get(step, 0) + 1
        if result.verdict == Outcome.ERROR and tries <= self.rules.retries:
            self.waiting.insert(0, step)
            return [Note(f"{result.project} on {result.kernel} again: {result.reason}")]
        return self._tell([result])

    def _finish_build(self, step: BuildStep, failure: Verdict | None) -> list[Verdict | Note]:
        root = step.manifest.root
        self.built.add(root)
        if failure is None:
            return []
        failed = [run for run in self.waiting if run.manifest.root == root]
        self.waiting = [run for run in self.waiting if run.manifest.root != root]
        return self._tell([replace(failure, kernel=run.kernel) for run in failed])

    def _tell(self, verdicts: Sequence[Verdict]) -> list[Verdict | Note]:
        if self.rules.fail_fast and any(verdict.verdict != Outcome.PASS for verdict in verdicts):
            self.ended_early = True
        return list(verdicts)


def _fits(run: Job, tasks: Sequence[Step]) -> bool:
    """Tell whether the memory that is free now takes the guest, and those that have just begun to fill theirs."""
    guests = [run, *(task for task in tasks if isinstance(task, Job))]
    return sum(guest.manifest.memory + GUEST_OVERHEAD for guest in guests) << 20 <= free_memory()
