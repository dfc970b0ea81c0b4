# SPDX-License-Identifier: BSD-2-Clause
"""What stands on a terminal while projects are tested, and the lines that stand elsewhere instead."""

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

from scaffold.testing.report.counts import SIGNS, WORDS, column, columns, grid, headline, plain
from scaffold.vmtest.verdict import Outcome, Verdict, as_text

STYLES = {
    Outcome.PASS: "green",
    Outcome.FAIL: "red",
    Outcome.PANIC: "magenta",
    Outcome.TIMEOUT: "yellow",
    Outcome.ERROR: "bright_black",
}
FEW = 8  # so many runs are told one by one, without a table
BESIDE_THE_TABLE = 8  # lines of the terminal
REDRAWN_SECONDS = 0.1  # drawing takes time from the builds and guests that it tells of
ANY_WIDTH = 1 << 16


class LiveTable:
    """Tells of `total` runs on `stream` as they come. Use it as a context manager.

    rich's own thread that refreshes the picture is not used: processes are forked beside it.
    """

    def __init__(self, total: int, stream: TextIO) -> None:
        self.total = total
        self.console = Console(file=stream)
        self.verdicts: list[Verdict] = []
        self.running: dict[tuple[str, str], float] = {}
        self.began = time.monotonic()
        self.drawn = 0.0
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
            if self.live and self.total > FEW:
                self.console.print(fitting_table(self.verdicts, self.console))
            took = f"{time.monotonic() - self.began:.1f} s"
            done = headline(self.verdicts, self.total - len(self.verdicts))
            self.console.print(Text(f"{done} ({took})"), soft_wrap=True)

    def started(self, project: str, kernel: str) -> None:
        """Tell that a run has begun, or a build, which is on no kernel."""
        self.running[project, kernel] = time.monotonic()
        self.refresh()

    def verdict(self, verdict: Verdict) -> None:
        """Tell how a run ended."""
        self.verdicts.append(verdict)
        if not self.live or self.total <= FEW or verdict.verdict != Outcome.PASS:
            self.console.print(Text(as_text(verdict)), soft_wrap=True)
        self.refresh()

    def finished(self, project: str, kernel: str) -> None:
        """Tell that what was started has ended."""
        self.running.pop((project, kernel), None)
        self.refresh()

    def note(self, text: str) -> None:
        """Tell of something that is no verdict."""
        if self.live:
            self.console.print(Text(f"        {plain(text)}", style="dim"), soft_wrap=True)
        else:
            print(f"ebpf-new: {text}", file=sys.stderr)

    def refresh(self) -> None:
        """Draw what has changed, unless it was drawn just now: then the next call will do."""
        if self.live and time.monotonic() - self.drawn >= REDRAWN_SECONDS:
            self.live.refresh()
            self.drawn = time.monotonic()

    def picture(self) -> list[Table | Text]:
        """Return what is to be seen now: not more than fits."""
        now = time.monotonic()
        what = [
            f"{plain(project)}{f' on {plain(kernel)}' if kernel else ': make'} {now - began:.0f} s"
            for (project, kernel), began in self.running.items()
        ]
        done = Text(f"{len(self.verdicts)} of {self.total}: {headline(self.verdicts)}", style="bold")
        lines = [done, Text(", ".join(what), style="dim", overflow="ellipsis", no_wrap=True)]
        if self.total <= FEW or not self.verdicts:
            return list(lines)
        room = self.console.size.height - BESIDE_THE_TABLE
        found = fitting_table(self.verdicts, self.console, room)
        return [found, *lines] if found.row_count <= room else list(lines)


def fitting_table(verdicts: Sequence[Verdict], console: Console, room: int | None = None) -> Table:
    """Return the table of projects and kernels, or what is counted by kernel where that is too wide for the terminal
    or has more than `room` rows.

    Elsewhere than on a terminal `console` becomes as wide as the table.
    """
    if room is None or len({verdict.project for verdict in verdicts}) <= room:
        found = table(verdicts)
        width = Measurement.get(console, console.options.update(max_width=ANY_WIDTH), found).maximum
        if not console.is_terminal:
            console.width = max(console.width, width)
        if width <= console.width:
            return found
    return counts_by_kernel(verdicts)


def table(verdicts: Sequence[Verdict]) -> Table:
    """Return the table of projects and kernels."""
    kernels = columns(verdicts)
    heads = [Column(escape(plain(kernel)), no_wrap=True) for kernel in kernels]
    found = Table("Project", *heads, box=box.SIMPLE_HEAD, pad_edge=False)
    for project, row in grid(verdicts).items():
        found.add_row(Text(plain(project)), *(_cell(row.get(kernel)) for kernel in kernels))
    return found


def _cell(verdict: Verdict | None) -> Text:
    if verdict is None:
        return Text()
    words = f"{verdict.total_s:.1f} s" if verdict.verdict == Outcome.PASS else verdict.verdict
    return Text(f"{SIGNS[verdict.verdict]} {words}", style=STYLES[verdict.verdict])


def counts_by_kernel(verdicts: Sequence[Verdict]) -> Table:
    """Return a table that is as long as there are kernels, however many projects there are."""
    counts = Counter((column(verdict), verdict.verdict) for verdict in verdicts)
    kinds = [kind for kind in WORDS if any(verdict.verdict == kind for verdict in verdicts)]
    found = Table("Kernel", *(WORDS[kind] for kind in kinds), box=box.SIMPLE_HEAD, pad_edge=False)
    for kernel in columns(verdicts):
        there = (Text(str(counts[kernel, kind]), style=STYLES[kind]) for kind in kinds)
        found.add_row(Text(plain(kernel)), *there)
    return found
