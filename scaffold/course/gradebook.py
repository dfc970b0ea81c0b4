# SPDX-License-Identifier: BSD-2-Clause
"""The gradebook of a course: a CSV file with a row for each repository, written again when a row is complete."""

import csv
import io
import time
from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from scaffold.course.index import escape_formula
from scaffold.course.submissions import Submission
from scaffold.errors import DiskError, UsageError
from scaffold.testing.engine import Ended, Event, Started
from scaffold.testing.report.counts import single_line
from scaffold.vmtest.files import write_atomically
from scaffold.vmtest.verdict import Outcome, Verdict

NOT_BUILT = "not built"  # in the columns of the kernels
MAX_REASON = 1000  # characters


class BuildState(StrEnum):
    """The result of a build; the values are those of the column `build`."""

    UNKNOWN = ""
    OK = "ok"
    FAILED = "failed"
    TIMEOUT = "timeout"
    ERROR = "error"  # this machine could not build it
    MISSING = "missing"  # the repository does not exist


STATE_BY_OUTCOME = {
    Outcome.FAIL: BuildState.FAILED,
    Outcome.TIMEOUT: BuildState.TIMEOUT,
    Outcome.ERROR: BuildState.ERROR,
}


@dataclass
class GradebookRow:
    """The results of a repository so far; times are in seconds."""

    submission: Submission
    build: BuildState = BuildState.UNKNOWN
    build_s: float = 0.0
    run_s: float = 0.0
    verdicts: dict[str, str] = field(default_factory=dict)  # by kernel: an Outcome or NOT_BUILT
    reasons: list[str] = field(default_factory=list)

    def is_complete(self, kernels: Sequence[str]) -> bool:
        """Tell whether all results on `kernels` are known and none is an error of this machine."""
        results = [self.build, *(self.verdicts.get(kernel, "") for kernel in kernels)]
        return "" not in results and Outcome.ERROR not in results


class Gradebook:
    """Collects the results of `submissions` on `kernels` in the file `path`."""

    def __init__(self, path: Path, submissions: Sequence[Submission], kernels: Sequence[str]) -> None:
        """Prepare a row for each submission; the rows of submissions with a problem are complete."""
        self.path = path
        self.kernels = list(kernels)
        self.rows = {submission.name: GradebookRow(submission) for submission in submissions}
        self.more = list(dict.fromkeys(column for submission in submissions for column in submission.more))
        for row in self.rows.values():
            if row.submission.problem:
                state = BuildState.MISSING if row.submission.is_missing else BuildState.FAILED
                self._record_no_build(row, state, row.submission.problem)

    def _record_no_build(self, row: GradebookRow, state: BuildState, reason: str) -> None:
        row.build = state
        row.verdicts = dict.fromkeys(self.kernels, NOT_BUILT)
        row.reasons = [reason]

    def resume(self) -> list[str]:
        """Take the complete rows from the file, and return the names of their submissions; [] without a file.

        Raises:
            UsageError: the file is not a gradebook.
        """
        try:
            with self.path.open(encoding="utf-8-sig", newline="") as file:
                lines = list(csv.DictReader(file))
        except FileNotFoundError:
            return []
        except (OSError, ValueError, csv.Error) as error:
            hint = "rename the file, or omit --resume"
            raise UsageError(f"cannot resume {self.path}: {error}", hint=hint) from error
        submissions = {_cell(name): row.submission for name, row in self.rows.items() if not row.submission.problem}
        resumed = []
        for cells in lines:
            submission = submissions.get(cells.get("name") or "")
            row = self._read_row(submission, cells) if submission else None
            if row and row.is_complete(self.kernels):
                self.rows[row.submission.name] = row
                resumed.append(row.submission.name)
        return resumed

    def _read_row(self, submission: Submission, cells: Mapping[str, str | None]) -> GradebookRow:
        row = GradebookRow(submission)
        row.verdicts = {kernel: cells.get(escape_formula(kernel)) or "" for kernel in self.kernels}
        row.reasons = [reason] if (reason := cells.get("reason")) else []
        with suppress(ValueError):  # an edited state is unknown, so the submission is checked again
            row.build = BuildState(cells.get("build") or "")
        with suppress(ValueError):
            row.build_s, row.run_s = float(cells.get("build_s") or 0), float(cells.get("run_s") or 0)
        return row

    def follow(self, events: Iterable[Event]) -> Generator[Event, None, None]:
        """Yield `events` unchanged, record the results in them, and write the file when a row is complete.

        Raises:
            DiskError: the file cannot be written.
        """
        build_starts: dict[str, float] = {}
        try:
            for event in events:
                if isinstance(event, Verdict):
                    self._record_verdict(self.rows[event.project], event)
                elif isinstance(event, Ended) and not event.kernel:
                    seconds = time.monotonic() - build_starts[event.project]
                    self._record_build(self.rows[event.project], event.failure, seconds)
                elif isinstance(event, Started) and not event.kernel:
                    build_starts[event.project] = time.monotonic()
                yield event
        finally:
            self.write()

    def _record_build(self, row: GradebookRow, failure: Verdict | None, seconds: float) -> None:
        row.build_s = seconds
        if failure:
            self._record_no_build(row, STATE_BY_OUTCOME.get(failure.verdict, BuildState.ERROR), failure.reason)
            self.write()
        else:
            row.build = BuildState.OK

    def _record_verdict(self, row: GradebookRow, verdict: Verdict) -> None:
        if row.build is not BuildState.OK:
            return  # a failed build has a verdict for each kernel, which repeats the recorded reason
        row.verdicts[verdict.kernel] = verdict.verdict
        row.run_s += verdict.total_s
        if verdict.reason:
            row.reasons.append(f"{verdict.kernel}: {verdict.reason}")
        if len(row.verdicts) == len(self.kernels):
            self.write()

    def write(self) -> None:
        """Replace the file in one step.

        Raises:
            DiskError: the file cannot be written; the old one is untouched.
        """
        columns = ["name", "author", "email", "framework", *self.more, "build", *self.kernels]
        text = io.StringIO(newline="")
        writer = csv.writer(text)
        writer.writerow(map(escape_formula, [*columns, "passed", "reason", "build_s", "run_s"]))
        writer.writerows(map(self._cells, self.rows.values()))
        try:
            write_atomically(self.path, text.getvalue())
        except OSError as error:
            raise DiskError(f"cannot write {self.path}: {error.strerror}") from error

    def _cells(self, row: GradebookRow) -> list[str]:
        submission = row.submission
        results = [row.verdicts.get(kernel, "") for kernel in self.kernels]
        cells = [
            submission.name,
            submission.author,
            submission.email,
            submission.framework,
            *(submission.more.get(column, "") for column in self.more),
            row.build,
            *results,
            str(results.count(Outcome.PASS)),
            "; ".join(row.reasons)[:MAX_REASON],
            f"{row.build_s:.1f}",
            f"{row.run_s:.1f}",
        ]
        return [_cell(content) for content in cells]


def _cell(content: str) -> str:
    return escape_formula(single_line(content))
