# SPDX-License-Identifier: BSD-2-Clause
"""Output of `ebpf-new test` and `ebpf-new report merge`: a table or lines of text, or JSON lines."""

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
    """Print the `events` of a test of `total` cases as they arrive, and append the verdicts to `verdicts`.

    With `in_json`, stdout contains only the verdicts, one JSON object per line. Notes go to stderr.
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
    """Print `text` on stderr: progress of a long preparation before the first verdict."""
    print(f"ebpf-new: {text}", file=sys.stderr, flush=True)


def show_results(verdicts: Sequence[Verdict], missing: int, in_json: bool) -> None:
    """Print `verdicts` as JSON lines, or as a table with the failures in detail and the `missing` count."""
    if in_json:
        for verdict in verdicts:
            print(as_json(verdict))
        return
    console = Console()
    console.print(fitting_table(verdicts, console))
    for verdict in verdicts:
        if verdict.verdict is not Outcome.PASS:
            console.print(Text(as_text(verdict)), soft_wrap=True)
    print(headline(verdicts, missing))
