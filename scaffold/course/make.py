# SPDX-License-Identifier: BSD-2-Clause
"""Create the missing repositories of a course on all cores; existing ones stay as they are.

A run that ends early leaves complete repositories only. The next run creates the others.
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
from scaffold.generate.render import import_cookiecutter
from scaffold.generate.staging import StagingDir, staging_dir
from scaffold.project.git import read_head
from scaffold.testing.pool import Completed, Crashed, Note, WorkerPool
from scaffold.vmtest.files import LockState, try_lock
from scaffold.vmtest.processes import signals_blocked

BATCH_SIZE = 50  # repositories that are flushed to the disk together before they are published
WAIT_SECONDS = 60  # for a report of a worker, before asking again
# The workers of a killed run hold the lock for a moment longer than the run itself.
LOCK_PAUSES_SECONDS = (0, 0.1, 0.4, 1)

AddFiles = Callable[[Repository, Path], None]
Progress = Callable[[Repository], None]
Pool = WorkerPool[int, Created | EbpfNewError]


def make_course(course: Course, progress: Progress, add_files: AddFiles | None = None) -> list[Entry]:
    """Create the missing repositories of `course`, write its index, and return the entries of the index.

    The index is written even if the work ends early. `progress` is called with each new repository. `add_files` is
    called with each new repository and the directory of its files, before these are committed.

    Raises:
        InvalidAnswersError, DiskError, GitError, TemplateError: a repository cannot be created; earlier ones exist.
        UsageError: another process works on the same course.
    """
    commits: dict[str, str] = {}
    try:
        course.directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DiskError(f"cannot create {course.directory}: {error.strerror}") from error
    with _locked(course.directory):
        course = _refresh(course)
        try:
            missing = [repository for repository in course.repositories if not repository.is_kept]
            _create_all(missing, course.directory, commits, progress, add_files)
        finally:
            with signals_blocked():
                entries = entries_of(course, commits)
                write_index(course.directory, entries, course.lang)
    return entries


def _refresh(course: Course) -> Course:
    """Return `course` with the repositories that another run has created since it was planned."""
    repositories = [
        replace(repository, is_kept=repository.is_kept or is_project(repository.plan.target))
        for repository in course.repositories
    ]
    return replace(course, repositories=repositories)


def entries_of(course: Course, commits: Mapping[str, str]) -> list[Entry]:
    """Return the entries of the index of `course`.

    `commits` has the new repositories: the hash of the commit by name, "" without git.
    """
    return [*(_entry(course, repository, commits) for repository in course.repositories), *course.others]


def _entry(course: Course, repository: Repository, commits: Mapping[str, str]) -> Entry:
    project = repository.plan.project
    if repository.is_kept:
        status, commit = EntryStatus.KEPT, read_head(repository.plan.target)
    elif project.name in commits:
        status, commit = EntryStatus.MADE, commits[project.name]
    else:
        status, commit = EntryStatus.MISSING, ""
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


def _create_all(
    missing: Sequence[Repository],
    directory: Path,
    commits: dict[str, str],
    progress: Progress,
    add_files: AddFiles | None,
) -> None:
    import_cookiecutter()  # once, before the workers fork
    with (
        staging_dir(directory / "any") as staging,
        Pool(lambda index: _create(missing[index], staging, add_files)) as workers,
    ):
        for start in range(0, len(missing), BATCH_SIZE):
            batch = range(start, min(start + BATCH_SIZE, len(missing)))
            _create_batch(batch, missing, staging, workers, commits, progress)


def _create_batch(
    batch: Sequence[int],
    missing: Sequence[Repository],
    staging: StagingDir,
    workers: Pool,
    commits: dict[str, str],
    progress: Progress,
) -> None:
    """Create the repositories of `missing` with the indexes in `batch`, and add their commits to `commits`."""
    staged: list[Created] = []
    waiting = iter(batch)
    try:
        for index in islice(waiting, len(os.sched_getaffinity(0))):
            workers.submit(index)
        while workers.tasks:
            for report in workers.wait(WAIT_SECONDS):
                if isinstance(report, Note):
                    continue
                staged.append(_result(report, missing))
                progress(missing[report.task])
                for index in islice(waiting, 1):
                    workers.submit(index)
    finally:
        with signals_blocked():
            os.sync()  # after a power failure, a published repository must not have empty files
            for created in staged:
                name = created.project.name
                replace(staging, target=staging.target.parent / name).publish(created.path)
                commits[name] = created.commit.hash if created.commit else ""


def _create(repository: Repository, staging: StagingDir, add_files: AddFiles | None) -> Created | EbpfNewError:
    """Create `repository` in `staging`, in a worker; return the error if that fails."""
    gc.enable()  # the command line disables it, but each rendering leaves reference cycles
    try:
        add = (lambda root: add_files(repository, root)) if add_files else None
        return render_and_commit(repository.plan, staging, add)
    except (DiskError, GitError) as error:
        return type(error)(f"{repository.plan.project.name}: {error.message}", hint=error.hint)
    except EbpfNewError as error:
        return error


def _result(report: Completed[int, Created | EbpfNewError] | Crashed[int], missing: Sequence[Repository]) -> Created:
    if isinstance(report, Crashed):
        raise DiskError(f"{missing[report.task].plan.project.name}: {report.reason}")
    if isinstance(report.result, EbpfNewError):
        raise report.result
    return report.result


@contextmanager
def _locked(directory: Path) -> Iterator[None]:
    """Hold the lock of `directory`; a file system without locks counts as locked."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        if all(_is_busy(descriptor, pause) for pause in LOCK_PAUSES_SECONDS):
            raise UsageError(f"another ebpf-new is at work in {directory}", hint="wait until it has ended")
        yield
    finally:
        os.close(descriptor)


def _is_busy(descriptor: int, pause_seconds: float) -> bool:
    time.sleep(pause_seconds)
    return try_lock(descriptor) is LockState.BUSY
