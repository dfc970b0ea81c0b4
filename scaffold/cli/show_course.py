# SPDX-License-Identifier: BSD-2-Clause
"""What `ebpf-new course new` prints: a bar while it works, and what is there afterwards."""

import json
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from types import TracebackType
from typing import TYPE_CHECKING

from scaffold.course.index import INDEX, PAGE, Entry
from scaffold.course.plan import Course, Repository
from scaffold.course.update_all import UpdatedRepository
from scaffold.errors import EbpfNewError
from scaffold.update.update import Mode

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID


class CourseProgress:
    """Shows on a terminal how far the work is; elsewhere it says nothing, unless the work ends early."""

    def __init__(self, course: Course) -> None:
        self._total = sum(not each.kept for each in course.repositories)
        self._made = 0
        self._bar: Progress | None = None
        self._task: TaskID | None = None

    def __enter__(self) -> "CourseProgress":
        if self._total and sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

            columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), TextColumn("{task.description}"))
            # A thread that draws would get the signals that this one holds back.
            self._bar = Progress(*columns, console=Console(stderr=True), auto_refresh=False, transient=True)
            self._task = self._bar.add_task("", total=self._total)
            self._bar.start()
        return self

    def made(self, repository: Repository) -> None:
        """Count `repository`."""
        self._made += 1
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, advance=1, description=repository.plan.project.name, refresh=True)

    def __exit__(
        self, kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()
        if kind is not None and (self._made or not issubclass(kind, EbpfNewError)):
            what = f"ebpf-new: stopped after {self._made} of {self._total}; the same command again makes the others"
            print(what, file=sys.stderr)


def show_renewed(renewed: Iterable[UpdatedRepository], as_json: bool) -> list[UpdatedRepository]:
    """Print of each repository that is updated what became of it, as soon as it is known, and return all of that."""
    seen = []
    for each in renewed:
        seen.append(each)
        if not as_json:
            print(f"{each.name}: {_became(each)}", flush=True)
    return seen


def _became(renewed: UpdatedRepository) -> str:
    if renewed.updated is None:
        return f"not updated: {renewed.why}"
    files, conflicts = (len(found) for found in (renewed.updated.files, renewed.updated.conflicts))
    if not files:
        return "up to date"
    what = f"{files} changed" if renewed.updated.mode is Mode.WRITE else f"{files} would change"
    return f"{what}, {conflicts} with conflicts" if conflicts else what


def show_course(
    course: Course, entries: Sequence[Entry], renewed: Sequence[UpdatedRepository], as_json: bool, dry_run: bool
) -> None:
    """Print what is in the course now, or with `dry_run` would be."""
    if as_json:
        print(_as_json(course, entries, renewed, dry_run))
        return
    counts = Counter(entry.status for entry in entries)
    if dry_run:
        said = {"missing": "would be made", "kept": "is there, and would be kept", "other": "is there, but not listed"}
        for entry in entries:
            print(f"{entry.name} ({entry.framework}) {said[entry.status]}")
        print(f"{_counted(counts['missing'])} to be made, {counts['kept']} to be kept, in {course.directory}.")
        return
    print(f"{_counted(counts['made'])} made, {counts['kept']} kept, in {course.directory}.")
    if counts["other"]:
        print(f"{counts['other']} more are there that this roster does not name.")
    if any(each.updated and each.updated.files for each in renewed):
        print("What was updated is not committed: look at it by git diff HEAD, and commit, in each of them.")
    print(f"{PAGE} lists them and says how they come to GitHub; {INDEX} is for spreadsheets and programs.")


def _counted(number: int) -> str:
    return "1 repository" if number == 1 else f"{number} repositories"


def _as_json(course: Course, entries: Sequence[Entry], renewed: Sequence[UpdatedRepository], dry_run: bool) -> str:
    counts = Counter(entry.status for entry in entries)
    found = {"path": str(course.directory), "counts": counts, "repositories": [asdict(entry) for entry in entries]}
    updates = [
        {
            "name": each.name,
            "files": [asdict(change) for change in each.updated.files] if each.updated else [],
            "conflicts": [change.path for change in each.updated.conflicts] if each.updated else [],
            "problem": each.why,
        }
        for each in renewed
    ]
    return json.dumps({**found, "updates": updates, "dry_run": dry_run}, indent=2)
