# SPDX-License-Identifier: BSD-2-Clause
"""The gradebook of a course: a row for each repository, written anew whenever one of them is done."""

import csv
import io
import time
from collections.abc import Generator, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from scaffold.course.index import escape_formula
from scaffold.course.submissions import Submission
from scaffold.errors import DiskError, UsageError
from scaffold.testing.engine import Ended, Event, Started
from scaffold.testing.report.counts import plain
from scaffold.vmtest.files import write_atomically
from scaffold.vmtest.verdict import Outcome, Verdict

BUILDS = {Outcome.FAIL: "failed", Outcome.TIMEOUT: "timeout", Outcome.ERROR: "error"}
NOT_BUILT = "not built"
LONGEST_REASON = 1000


@dataclass
class Row:
    """What is known of a repository. `build` is ok, failed, timeout, error or missing; "" until it is known."""

    submission: Submission
    build: str = ""
    build_s: float = 0.0
    run_s: float = 0.0
    verdicts: dict[str, str] = field(default_factory=dict)  # by kernel
    reasons: list[str] = field(default_factory=list)

    def is_done(self, kernels: Sequence[str]) -> bool:
        """Tell whether all is known, and nothing failed for this machine's fault."""
        known = [self.build, *(self.verdicts.get(kernel, "") for kernel in kernels)]
        return "" not in known and "error" not in known


class Gradebook:
    """Collects what becomes of `submissions` on `kernels`, in the file `path`."""

    def __init__(self, path: Path, submissions: Sequence[Submission], kernels: Sequence[str]) -> None:
        """Prepare rows; those of what cannot be checked are done."""
        self.path = path
        self.kernels = list(kernels)
        self.rows = {each.name: Row(each) for each in submissions}
        self.more = list(dict.fromkeys(column for each in submissions for column in each.more))
        for each in submissions:
            if each.problem:
                self._not_built(self.rows[each.name], "missing" if each.missing else "failed", each.problem)

    def _not_built(self, row: Row, build: str, reason: str) -> None:
        row.build = build
        row.verdicts = dict.fromkeys(self.kernels, NOT_BUILT)
        row.reasons = [reason]

    def resume(self) -> list[str]:
        """Take over the rows of the file that are done, and return whose they are.

        Raises:
            UsageError: the file is no gradebook.
        """
        try:
            with self.path.open(encoding="utf-8-sig", newline="") as file:
                before = list(csv.DictReader(file))
        except FileNotFoundError:
            return []
        except (OSError, ValueError, csv.Error) as error:
            raise UsageError(f"{self.path} cannot be resumed: {error}; move it away, or leave --resume out") from error
        taken = []
        written = {escape_formula(plain(name)): row for name, row in self.rows.items()}
        for cells in before:
            row = written.get(cells.get("name") or "")
            if row is None or row.submission.problem:
                continue
            old = Row(row.submission, cells.get("build") or "")
            old.verdicts = {kernel: cells.get(escape_formula(kernel)) or "" for kernel in self.kernels}
            if not old.is_done(self.kernels):
                continue
            old.reasons = [cells["reason"]] if cells.get("reason") else []
            with suppress(ValueError):
                old.build_s, old.run_s = float(cells.get("build_s") or 0), float(cells.get("run_s") or 0)
            self.rows[row.submission.name] = old
            taken.append(row.submission.name)
        return taken

    def follow(self, events: Iterable[Event]) -> Generator[Event, None, None]:
        """Pass `events` on, and write down what they say.

        Raises:
            DiskError: the file cannot be written.
        """
        began: dict[str, float] = {}
        try:
            for event in events:
                if isinstance(event, Verdict):
                    self._take(self.rows[event.project], event)
                elif isinstance(event, Ended) and not event.kernel:
                    self._built(self.rows[event.project], event.failure, time.monotonic() - began[event.project])
                elif isinstance(event, Started) and not event.kernel:
                    began[event.project] = time.monotonic()
                yield event
        finally:
            self.write()

    def _built(self, row: Row, failure: Verdict | None, seconds: float) -> None:
        row.build_s = seconds
        if failure:
            self._not_built(row, BUILDS.get(failure.verdict, "error"), failure.reason)
            self.write()
        else:
            row.build = "ok"

    def _take(self, row: Row, verdict: Verdict) -> None:
        if row.build != "ok":
            return  # the same for each kernel: it was not built
        row.verdicts[verdict.kernel] = verdict.verdict
        row.run_s += verdict.total_s
        if verdict.reason:
            row.reasons.append(f"{verdict.kernel}: {verdict.reason}")
        if len(row.verdicts) == len(self.kernels):
            self.write()

    def write(self) -> None:
        """Write the file: all of it, or the one before stays.

        Raises:
            DiskError: it cannot be.
        """
        head = ["name", "author", "email", "framework", *self.more, "build", *self.kernels]
        text = io.StringIO(newline="")
        writer = csv.writer(text)
        writer.writerow(map(escape_formula, [*head, "passed", "reason", "build_s", "run_s"]))
        writer.writerows(map(self._cells, self.rows.values()))
        try:
            write_atomically(self.path, text.getvalue())
        except OSError as error:
            raise DiskError(f"cannot write {self.path}: {error.strerror}") from error

    def _cells(self, row: Row) -> list[str]:
        who = row.submission
        known = [row.verdicts.get(kernel, "") for kernel in self.kernels]
        cells = [
            who.name, who.author, who.email, who.framework, *(who.more.get(column, "") for column in self.more),
            row.build, *known, str(known.count(Outcome.PASS)), "; ".join(row.reasons)[:LONGEST_REASON],
            f"{row.build_s:.1f}", f"{row.run_s:.1f}",
        ]  # fmt: skip
        return [escape_formula(plain(cell)) for cell in cells]
