# SPDX-License-Identifier: BSD-2-Clause
"""What `ebpf-new course new` prints: a progress bar, and a summary at the end."""

import json
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from types import TracebackType
from typing import TYPE_CHECKING

from scaffold.course.entry import Entry, EntryStatus
from scaffold.course.index import INDEX_CSV, INDEX_MARKDOWN
from scaffold.course.plan import Course, Repository
from scaffold.course.update_all import UpdatedRepository
from scaffold.errors import EbpfNewError
from scaffold.update.update import Mode

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

DRY_RUN = {
    EntryStatus.MISSING: "would be created",
    EntryStatus.KEPT: "exists, would be kept",
    EntryStatus.OTHER: "exists, not in this roster",
}


class CourseProgress:
    """A progress bar on a terminal. Without a terminal it prints only how far a run came that ended early."""

    def __init__(self, course: Course) -> None:
        self._total = sum(not repository.is_kept for repository in course.repositories)
        self._created = 0
        self._bar: Progress | None = None
        self._task: TaskID | None = None

    def __enter__(self) -> "CourseProgress":
        if self._total and sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

            columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), TextColumn("{task.description}"))
            # No refresh thread: it would receive the signals that this thread blocks.
            self._bar = Progress(*columns, console=Console(stderr=True), auto_refresh=False, transient=True)
            self._task = self._bar.add_task("", total=self._total)
            self._bar.start()
        return self

    def advance(self, repository: Repository) -> None:
        """Count `repository`, which has been created, and show its name."""
        self._created += 1
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, advance=1, description=repository.plan.project.name, refresh=True)

    def __exit__(
        self, kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()
        if kind is not None and (self._created or not issubclass(kind, EbpfNewError)):
            print(
                f"ebpf-new: stopped after {self._created} of {self._total} repositories;"
                " run the same command again to create the others",
                file=sys.stderr,
            )


def show_updates(updates: Iterable[UpdatedRepository], as_json: bool) -> list[UpdatedRepository]:
    """Print a line for each update as soon as it is done (nothing with `as_json`), and return all updates."""
    done = []
    for update in updates:
        done.append(update)
        if not as_json:
            print(f"{update.name}: {_summary(update)}", flush=True)
    return done


def _summary(update: UpdatedRepository) -> str:
    if update.result is None:
        return f"not updated: {update.problem}"
    files, conflicts = len(update.result.files), len(update.result.conflicts)
    if not files:
        return "up to date"
    changes = f"{files} changed" if update.result.mode is Mode.WRITE else f"{files} would change"
    return f"{changes}, {conflicts} with conflicts" if conflicts else changes


def show_course(
    course: Course, entries: Sequence[Entry], updates: Sequence[UpdatedRepository], as_json: bool, dry_run: bool
) -> None:
    """Print which repositories the course has, or with `dry_run` which it would have."""
    if as_json:
        print(_as_json(course, entries, updates, dry_run))
        return
    counts = Counter(entry.status for entry in entries)
    if dry_run:
        for entry in entries:
            print(f"{entry.name} ({entry.framework}): {DRY_RUN[entry.status]}")
        new, kept = _count(counts[EntryStatus.MISSING]), counts[EntryStatus.KEPT]
        print(f"Would create {new} and keep {kept} in {course.directory}.")
        return
    new, kept = _count(counts[EntryStatus.MADE]), counts[EntryStatus.KEPT]
    print(f"Created {new} and kept {kept} in {course.directory}.")
    if counts[EntryStatus.OTHER]:
        print(f"Not in this roster: {_count(counts[EntryStatus.OTHER])} from an earlier one.")
    if any(update.result and update.result.files for update in updates):
        print("The updates are not committed. In each updated repository, check git diff HEAD and commit.")
    print(f"{INDEX_MARKDOWN} lists the repositories and shows how to push them to GitHub.")
    print(f"{INDEX_CSV} contains the same list for spreadsheets and programs.")


def _count(number: int) -> str:
    return "1 repository" if number == 1 else f"{number} repositories"


def _as_json(course: Course, entries: Sequence[Entry], updates: Sequence[UpdatedRepository], dry_run: bool) -> str:
    counts = Counter(entry.status for entry in entries)
    content = {
        "path": str(course.directory),
        "counts": counts,
        "repositories": [asdict(entry) for entry in entries],
        "updates": [
            {
                "name": update.name,
                "files": [asdict(change) for change in update.result.files] if update.result else [],
                "conflicts": [change.path for change in update.result.conflicts] if update.result else [],
                "problem": update.problem,
            }
            for update in updates
        ],
        "dry_run": dry_run,
    }
    return json.dumps(content, indent=2)
