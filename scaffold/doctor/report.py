# SPDX-License-Identifier: BSD-2-Clause
"""The findings as lines for people and as JSON."""

import json
import os
import shutil
import sys
import textwrap
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import TextIO

from .finding import BUILD, MISSING, OK, RUN, TEST, WARNING, Finding

TITLES = {BUILD: "Build", RUN: "Run here", TEST: "Test in a VM"}
COLOURS = {OK: "32", WARNING: "33", MISSING: "31"}
WIDTH_OF_STATUS = len(MISSING)
# Above which a line is folded where it is not shown on a terminal, so that it can be read and searched.
NEVER = 10_000

Groups = Mapping[str, Collection[str]]


def ready(findings: Sequence[Finding]) -> dict[str, bool]:
    """Say for each purpose whether nothing that it needs is missing."""
    return {each: not any(f.purpose == each and f.status == MISSING for f in findings) for each in TITLES}


def exit_status(findings: Sequence[Finding]) -> int:
    """Return 1 when something is missing, else 0."""
    return int(any(finding.status == MISSING for finding in findings))


def as_json(findings: Sequence[Finding], groups: Groups) -> str:
    """Return one JSON object: `ready` by purpose, `frameworks` (which can be built), `install`, and the findings."""
    frameworks = {name: not _lacking(findings, needs) for name, needs in groups.items()}
    return json.dumps(
        {"ready": ready(findings), "frameworks": frameworks, "findings": list(map(asdict, findings))}, indent=2
    )


def print_findings(findings: Sequence[Finding], groups: Groups, install: str, stream: TextIO = sys.stdout) -> None:
    """Print a line for each finding, what mends it below, and what this machine is ready for.

    `groups` are the frameworks with the names of what they need; `install` is one command for all packages.
    """
    terminal = stream.isatty()
    width = shutil.get_terminal_size().columns if terminal else NEVER
    colour = terminal and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    encoding = stream.encoding or "ascii"
    for line in _lines(findings, groups, install, width, colour):
        print(line.encode(encoding, "backslashreplace").decode(encoding), file=stream)


def _lines(findings: Sequence[Finding], groups: Groups, install: str, width: int, colour: bool) -> Iterator[str]:
    verdicts = list(_verdicts(findings, groups))
    column = max(len(name) for name in [*(finding.check for finding in findings), *(name for name, _ in verdicts)])
    for purpose, title in TITLES.items():
        yield title
        for finding in findings:
            if finding.purpose == purpose:
                yield from _row(finding.status, finding.check, finding.found, column, width, colour)
                if finding.mend:
                    yield f"{' ' * (WIDTH_OF_STATUS + column + 6)}-> {finding.mend}"
        yield ""
    yield "Ready?"
    for name, missing in verdicts:
        said = f"not without {', '.join(missing)}" if missing else "yes"
        yield from _row(MISSING if missing else OK, name, said, column, width, colour)
    if install:
        yield f"\nAll packages at once: {install}"


def _row(status: str, name: str, text: str, column: int, width: int, colour: bool) -> Iterator[str]:
    head = f"  {status:{WIDTH_OF_STATUS}}  {name:{column}}  "
    indent = " " * len(head)
    first, *rest = textwrap.wrap(
        text, max(20, width - 1 - len(head)), break_long_words=False, break_on_hyphens=False
    ) or [""]
    shown = head.replace(status, f"\x1b[{COLOURS[status]}m{status}\x1b[0m", 1) if colour else head
    yield f"{shown}{first}".rstrip()
    yield from (f"{indent}{each}" for each in rest)


def _verdicts(findings: Sequence[Finding], groups: Groups) -> Iterator[tuple[str, list[str]]]:
    """Yield what one may want to do, and what is missing for it: building by framework, where there are some."""
    missing = {each: [f.check for f in findings if f.purpose == each and f.status == MISSING] for each in TITLES}
    for purpose, title in TITLES.items():
        if purpose == BUILD and groups:
            yield from ((f"Build {name}", _lacking(findings, needs)) for name, needs in groups.items())
        else:
            yield title, missing[purpose]


def _lacking(findings: Sequence[Finding], needs: Collection[str]) -> list[str]:
    return [f.check for f in findings if f.purpose == BUILD and f.status == MISSING and f.check in needs]
