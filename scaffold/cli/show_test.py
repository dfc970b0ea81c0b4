# SPDX-License-Identifier: BSD-2-Clause
"""What `ebpf-new test` prints while it runs: a table or lines for people, JSON lines for machines."""

import sys
from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.text import Text

from scaffold.testing.engine import Ended, Event, Started
from scaffold.testing.pool import Note
from scaffold.testing.report.counts import headline
from scaffold.testing.report.table import LiveTable, fitting_table
from scaffold.vmtest.verdict import Outcome, Verdict, as_json, as_text


def show_test(events: Iterable[Event], total: int, in_json: bool, verdicts: list[Verdict]) -> None:
    """Print `events` as they come, of `total` runs, and add the verdicts among them to `verdicts`.

    With `in_json` stdout has nothing but the verdicts, one JSON object a line; notes go to stderr.
    """
    if in_json:
        for event in events:
            if isinstance(event, Verdict):
                verdicts.append(event)
                print(as_json(event), flush=True)
            elif isinstance(event, Note):
                print(f"ebpf-new: {event.text}", file=sys.stderr)
        return
    with LiveTable(total, sys.stdout) as live:
        for event in events:
            if isinstance(event, Verdict):
                verdicts.append(event)
                live.verdict(event)
            elif isinstance(event, Ended):
                live.finished(event.project, event.kernel)
            elif isinstance(event, Started):
                live.started(event.project, event.kernel)
            elif isinstance(event, Note):
                live.note(event.text)
            else:
                live.refresh()


def say(text: str) -> None:
    """Tell on stderr of what takes a while before the first verdict."""
    print(f"ebpf-new: {text}", file=sys.stderr, flush=True)


def show_results(verdicts: Sequence[Verdict], missing: int, in_json: bool) -> None:
    """Print `verdicts` and how many are missing: as JSON lines alone, or as a table and what went wrong."""
    if in_json:
        for verdict in verdicts:
            print(as_json(verdict))
        return
    console = Console()
    console.print(fitting_table(verdicts, console))
    for verdict in verdicts:
        if verdict.verdict != Outcome.PASS:
            console.print(Text(as_text(verdict)), soft_wrap=True)
    print(headline(verdicts, missing))
