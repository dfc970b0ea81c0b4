# SPDX-License-Identifier: BSD-2-Clause
"""The table of a running test on a terminal, and lines of text if the output is not a terminal."""

import sys
import time
from collections import Counter
from collections.abc import Sequence
from typing import TextIO

from rich import box
from rich.console import Console, Group
from rich.live import Live
from rich.markup import escape
from rich.measure import Measurement
from rich.table import Column, Table
from rich.text import Text

from scaffold.testing.report.counts import (
    LABELS,
    SIGNS,
    grid,
    headline,
    kernel_label,
    kernel_labels,
    single_line,
)
from scaffold.vmtest.verdict import Outcome, Verdict, as_text

STYLES = {
    Outcome.PASS: "green",
    Outcome.FAIL: "red",
    Outcome.PANIC: "magenta",
    Outcome.TIMEOUT: "yellow",
    Outcome.ERROR: "bright_black",
}
MAX_LINES_WITHOUT_TABLE = 8  # up to this number of verdicts, each is printed in full
RESERVED_LINES = 8  # of the terminal, beside the rows of the table
REFRESH_SECONDS = 0.1  # at least: drawing uses CPU time that the guests need
UNLIMITED_WIDTH = 1 << 16


class LiveTable:
    """Shows the progress of a test of `total` cases on `stream`. Use it as a context manager.

    It does not use rich's refresh thread, because a process with threads cannot be forked safely.
    """

    def __init__(self, total: int, stream: TextIO) -> None:
        self.total = total
        self.console = Console(file=stream)
        self.verdicts: list[Verdict] = []
        self.running: dict[tuple[str, str], float] = {}
        self.began = time.monotonic()
        self.refreshed = 0.0
        self.live: Live | None = None
        if self.console.is_terminal:
            self.live = Live(
                console=self.console, auto_refresh=False, transient=True, get_renderable=lambda: Group(*self.picture())
            )

    def __enter__(self) -> "LiveTable":
        if self.live:
            self.live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self.live:
            self.live.stop()
        if self.total > 1:
            if self.live and self.total > MAX_LINES_WITHOUT_TABLE:
                self.console.print(fitting_table(self.verdicts, self.console))
            seconds = f"{time.monotonic() - self.began:.1f} s"
            counts = headline(self.verdicts, self.total - len(self.verdicts))
            self.console.print(Text(f"{counts} ({seconds})"), soft_wrap=True)

    def started(self, project: str, kernel: str) -> None:
        """Show that a job has started, or a build, for which `kernel` is empty."""
        self.running[project, kernel] = time.monotonic()
        self.refresh()

    def verdict(self, verdict: Verdict) -> None:
        """Show the verdict of a job."""
        self.verdicts.append(verdict)
        if not self.live or self.total <= MAX_LINES_WITHOUT_TABLE or verdict.verdict is not Outcome.PASS:
            self.console.print(Text(as_text(verdict)), soft_wrap=True)
        self.refresh()

    def finished(self, project: str, kernel: str) -> None:
        """Show that a job or build has ended."""
        self.running.pop((project, kernel), None)
        self.refresh()

    def note(self, text: str) -> None:
        """Show a message: above the table, or on stderr if there is no terminal."""
        if self.live:
            self.console.print(Text(f"        {single_line(text)}", style="dim"), soft_wrap=True)
        else:
            print(f"ebpf-new: {text}", file=sys.stderr)

    def refresh(self) -> None:
        """Draw the current state, unless the last drawing was less than `REFRESH_SECONDS` ago."""
        if self.live and time.monotonic() - self.refreshed >= REFRESH_SECONDS:
            self.live.refresh()
            self.refreshed = time.monotonic()

    def picture(self) -> list[Table | Text]:
        """Return the current table and status lines, or the lines alone if the table does not fit."""
        now = time.monotonic()
        running = [
            f"{single_line(project)}{f' on {single_line(kernel)}' if kernel else ': make'} {now - began:.0f} s"
            for (project, kernel), began in self.running.items()
        ]
        status = Text(f"{len(self.verdicts)} of {self.total}: {headline(self.verdicts)}", style="bold")
        lines = [status, Text(", ".join(running), style="dim", overflow="ellipsis", no_wrap=True)]
        if self.total <= MAX_LINES_WITHOUT_TABLE or not self.verdicts:
            return list(lines)
        max_rows = self.console.size.height - RESERVED_LINES
        table = fitting_table(self.verdicts, self.console, max_rows)
        return [table, *lines] if table.row_count <= max_rows else list(lines)


def fitting_table(verdicts: Sequence[Verdict], console: Console, max_rows: int | None = None) -> Table:
    """Return the table of projects and kernels, or counts by kernel if that table is too wide or has too many rows.

    A `console` that is not a terminal is made as wide as the table.
    """
    if max_rows is None or len({verdict.project for verdict in verdicts}) <= max_rows:
        table = project_table(verdicts)
        width = Measurement.get(console, console.options.update(max_width=UNLIMITED_WIDTH), table).maximum
        if not console.is_terminal:
            console.width = max(console.width, width)
        if width <= console.width:
            return table
    return counts_by_kernel(verdicts)


def project_table(verdicts: Sequence[Verdict]) -> Table:
    """Return the table of projects (rows) and kernels (columns)."""
    kernels = kernel_labels(verdicts)
    columns = [Column(escape(single_line(kernel)), no_wrap=True) for kernel in kernels]
    table = Table("Project", *columns, box=box.SIMPLE_HEAD, pad_edge=False)
    for project, row in grid(verdicts).items():
        table.add_row(Text(single_line(project)), *(_cell(row.get(kernel)) for kernel in kernels))
    return table


def _cell(verdict: Verdict | None) -> Text:
    if verdict is None:
        return Text()
    text = f"{verdict.total_s:.1f} s" if verdict.verdict is Outcome.PASS else verdict.verdict
    return Text(f"{SIGNS[verdict.verdict]} {text}", style=STYLES[verdict.verdict])


def counts_by_kernel(verdicts: Sequence[Verdict]) -> Table:
    """Return a table with one row for each kernel, and the number of verdicts of each kind."""
    counts = Counter((kernel_label(verdict), verdict.verdict) for verdict in verdicts)
    outcomes = [outcome for outcome in LABELS if any(verdict.verdict is outcome for verdict in verdicts)]
    table = Table("Kernel", *(LABELS[outcome] for outcome in outcomes), box=box.SIMPLE_HEAD, pad_edge=False)
    for kernel in kernel_labels(verdicts):
        cells = (Text(str(counts[kernel, outcome]), style=STYLES[outcome]) for outcome in outcomes)
        table.add_row(Text(single_line(kernel)), *cells)
    return table
