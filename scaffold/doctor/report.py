# SPDX-License-Identifier: BSD-2-Clause
"""Print the findings as lines or as JSON."""

import json
import os
import shutil
import sys
import textwrap
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TextIO

from .finding import Finding, Purpose, Status

TITLES = {Purpose.BUILD: "Build", Purpose.RUN: "Run here", Purpose.TEST: "Test in a VM"}
COLOURS = {Status.OK: "32", Status.WARNING: "33", Status.MISSING: "31"}
STATUS_WIDTH = len(Status.MISSING)
# Lines are wrapped on a terminal only, so that programs can read and search the output.
UNLIMITED_WIDTH = 10_000

# The names of the needs by framework.
FrameworkNeeds = Mapping[str, Collection[str]]


def exit_status(findings: Sequence[Finding]) -> int:
    """Return 1 if something is missing, otherwise 0."""
    return int(any(finding.status == Status.MISSING for finding in findings))


def to_json(findings: Sequence[Finding], frameworks: FrameworkNeeds) -> str:
    """Return one JSON object with the keys `ready`, `frameworks` and `findings`; docs/doctor.md describes them."""
    document = {
        "ready": {purpose: not _missing(findings, purpose) for purpose in TITLES},
        "frameworks": {name: not _missing_needs(findings, needs) for name, needs in frameworks.items()},
        "findings": [
            {
                "purpose": finding.purpose,
                "check": finding.check,
                "status": finding.status,
                "found": finding.found,
                "fix": finding.fix,
                "package": finding.package,
            }
            for finding in findings
        ],
    }
    return json.dumps(document, indent=2)


def print_findings(
    findings: Sequence[Finding], frameworks: FrameworkNeeds, packages_fix: str, stream: TextIO = sys.stdout
) -> None:
    """Print each finding, followed by its fix, and then which purposes are possible.

    `packages_fix` is one command that installs all missing packages; "" prints no such line.
    """
    is_terminal = stream.isatty()
    width = shutil.get_terminal_size().columns if is_terminal else UNLIMITED_WIDTH
    has_colour = is_terminal and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    encoding = stream.encoding or "ascii"
    for line in _lines(findings, frameworks, packages_fix, width, has_colour):
        print(line.encode(encoding, "backslashreplace").decode(encoding), file=stream)


def _lines(
    findings: Sequence[Finding], frameworks: FrameworkNeeds, packages_fix: str, width: int, has_colour: bool
) -> Iterator[str]:
    goals = dict(_missing_by_goal(findings, frameworks))
    name_width = max(map(len, [*(finding.check for finding in findings), *goals]))
    for purpose, title in TITLES.items():
        yield title
        for finding in findings:
            if finding.purpose == purpose:
                yield from _row(finding.status, finding.check, finding.found, name_width, width, has_colour)
                if finding.fix:
                    yield f"{' ' * (STATUS_WIDTH + name_width + 6)}-> {finding.fix}"
        yield ""
    yield "Ready?"
    for goal, missing in goals.items():
        status = Status.MISSING if missing else Status.OK
        answer = f"no, missing: {', '.join(missing)}" if missing else "yes"
        yield from _row(status, goal, answer, name_width, width, has_colour)
    if packages_fix:
        yield f"\nAll packages at once: {packages_fix}"


def _row(status: Status, name: str, text: str, name_width: int, width: int, has_colour: bool) -> Iterator[str]:
    head = f"  {status:{STATUS_WIDTH}}  {name:{name_width}}  "
    indent = " " * len(head)
    first, *rest = textwrap.wrap(
        text, max(20, width - 1 - len(head)), break_long_words=False, break_on_hyphens=False
    ) or [""]
    shown = head.replace(status, f"\x1b[{COLOURS[status]}m{status}\x1b[0m", 1) if has_colour else head
    yield f"{shown}{first}".rstrip()
    yield from (f"{indent}{line}" for line in rest)


def _missing_by_goal(findings: Sequence[Finding], frameworks: FrameworkNeeds) -> Iterator[tuple[str, list[str]]]:
    """Yield the title of each purpose with the missing checks. There is one title for each framework to build."""
    for purpose, title in TITLES.items():
        if purpose == Purpose.BUILD and frameworks:
            yield from ((f"Build {name}", _missing_needs(findings, needs)) for name, needs in frameworks.items())
        else:
            yield title, _missing(findings, purpose)


def _missing(findings: Sequence[Finding], purpose: Purpose) -> list[str]:
    return [each.check for each in findings if each.purpose == purpose and each.status == Status.MISSING]


def _missing_needs(findings: Sequence[Finding], needs: Collection[str]) -> list[str]:
    return [check for check in _missing(findings, Purpose.BUILD) if check in needs]
