# SPDX-License-Identifier: BSD-2-Clause
"""The repositories of a course, made on all cores; what is there already stays as it is.

A run that ends early, by whatever, has made some, each of them whole. The next makes the others.
"""

import gc
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import islice
from pathlib import Path

from scaffold.course.entry import Entry, EntryStatus
from scaffold.course.index import write_index
from scaffold.course.plan import Course, Repository, is_project
from scaffold.errors import DiskError, EbpfNewError, GitError, UsageError
from scaffold.generate.create import Created, render_and_commit
from scaffold.generate.render import import_what_renders
from scaffold.generate.staging import StagingDir, staging_dir
from scaffold.project.git import read_head
from scaffold.testing.pool import Done, Lost, Note, WorkerPool
from scaffold.vmtest.files import LockState, try_lock
from scaffold.vmtest.processes import signals_blocked

BATCH = 50  # so many reach the disk together before any of them gets its staging
SECONDS_TO_WAIT = 60  # for a worker, before asking again
PAUSES = (0, 0.1, 0.4, 1)  # seconds; the workers of a run that was killed go a moment after it

Add = Callable[[Repository, Path], None]
Progress = Callable[[Repository], None]


def make_course(course: Course, progress: Progress, add: Add | None = None) -> list[Entry]:
    """Make the repositories of `course` that are not there, as many at once as there are cores, and write its index.

    The index is written whatever ends the work. `progress` is called with each that is made, `add` with the tree of
    each before it is committed.

    Raises:
        BadAnswers, DiskError, GitError, TemplateError: one could not be made; those before are there.
        UsageError: another process is at work on the same course.
    """
    commits: dict[str, str] = {}
    try:
        course.directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DiskError(f"cannot make {course.directory}: {error.strerror}") from error
    with _alone_in(course.directory):
        course = _as_it_is_now(course)
        try:
            missing = [each for each in course.repositories if not each.is_kept]
            _make_all(missing, course.directory, commits, progress, add)
        finally:
            with signals_blocked():
                entries = entries_of(course, commits)
                write_index(course.directory, entries, course.lang)
    return entries


def _as_it_is_now(course: Course) -> Course:
    """Return `course` with what another run has made since it was planned."""
    now = [replace(each, is_kept=each.is_kept or is_project(each.plan.target)) for each in course.repositories]
    return replace(course, repositories=now)


def entries_of(course: Course, commits: Mapping[str, str]) -> list[Entry]:
    """Return the entries of the index when `commits`, by name, have been made."""
    return [*(_entry(course, each, commits) for each in course.repositories), *course.others]


def _entry(course: Course, repository: Repository, commits: Mapping[str, str]) -> Entry:
    project = repository.plan.project
    created = EntryStatus.MADE if project.name in commits else EntryStatus.MISSING
    status = EntryStatus.KEPT if repository.is_kept else created
    commit = read_head(repository.plan.target) if repository.is_kept else commits.get(project.name, "")
    return Entry(
        row=repository.line,
        name=project.name,
        framework=repository.framework,
        program=repository.program,
        path=os.path.relpath(repository.plan.target, course.directory),
        author=project.author,
        email=project.email,
        owner=project.owner,
        commit=commit,
        status=status,
        more=repository.more,
    )


def _make_all(
    missing: Sequence[Repository], directory: Path, commits: dict[str, str], progress: Progress, add: Add | None
) -> None:
    import_what_renders()  # before there are workers, so that it is done once
    with (
        staging_dir(directory / "any") as staging,
        WorkerPool[int, Created | EbpfNewError](lambda number: _made(missing[number], staging, add)) as workers,
    ):
        for start in range(0, len(missing), BATCH):
            _make_batch(range(start, min(start + BATCH, len(missing))), missing, staging, workers, commits, progress)


def _make_batch(
    numbers: Sequence[int], missing: Sequence[Repository], staging: StagingDir,
    workers: WorkerPool[int, Created | EbpfNewError], commits: dict[str, str], progress: Progress,
) -> None:  # fmt: skip
    ready: list[Created] = []
    waiting = iter(numbers)
    try:
        for number in islice(waiting, len(os.sched_getaffinity(0))):
            workers.give(number)
        while workers.tasks:
            for report in workers.wait(SECONDS_TO_WAIT):
                if isinstance(report, Note):
                    continue
                ready.append(_created(report, missing))
                progress(missing[report.task])
                for number in islice(waiting, 1):
                    workers.give(number)
    finally:
        with signals_blocked():
            os.sync()  # a power cut must not leave a repository whose files are empty
            for created in ready:
                name = created.project.name
                replace(staging, target=staging.target.parent / name).publish(created.path)
                commits[name] = created.commit.hash if created.commit else ""


def _made(repository: Repository, staging: StagingDir, add: Add | None) -> Created | EbpfNewError:
    """Make `repository` in `staging`, and return it, or what kept it from being made. This is what a worker does."""
    gc.enable()  # the command line does without, but each rendering leaves cycles behind
    try:
        return render_and_commit(repository.plan, staging, (lambda root: add(repository, root)) if add else None)
    except (DiskError, GitError) as error:
        return type(error)(f"{repository.plan.project.name}: {error}")
    except EbpfNewError as error:
        return error


def _created(report: Done[int, Created | EbpfNewError] | Lost[int], missing: Sequence[Repository]) -> Created:
    if isinstance(report, Lost):
        raise DiskError(f"{missing[report.task].plan.project.name}: {report.reason}")
    if isinstance(report.result, EbpfNewError):
        raise report.result
    return report.result


@contextmanager
def _alone_in(directory: Path) -> Iterator[None]:
    """Keep other runs out of `directory`, as far as its file system can."""
    lock = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        if all(_is_busy(lock, pause) for pause in PAUSES):
            raise UsageError(f"another ebpf-new is at work in {directory}", hint="wait until it is done")
        yield
    finally:
        os.close(lock)


def _is_busy(lock: int, pause: float) -> bool:
    time.sleep(pause)
    return try_lock(lock) is LockState.BUSY
