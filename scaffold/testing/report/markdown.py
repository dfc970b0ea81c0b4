# SPDX-License-Identifier: BSD-2-Clause
"""Verdicts as Markdown, for the summary of a job in GitHub Actions, and for any page."""

import re
from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path

from scaffold.testing.report.counts import columns, grid, headline, plain
from scaffold.vmtest.verdict import Outcome, Verdict

SIGNS = {Outcome.PASS: "✅", Outcome.FAIL: "❌", Outcome.PANIC: "💥", Outcome.TIMEOUT: "⏳", Outcome.ERROR: "⚠️"}
LIMIT_BYTES = 1 << 20  # GitHub takes no longer summary of a step
ROOM_BYTES = 256  # for saying what was left out


def write_summary(verdicts: Sequence[Verdict], path: Path, missing: int = 0) -> None:
    """Write `verdicts` to `path`, and how many are missing: a table of projects and kernels, and what went wrong.

    Raises:
        OSError: the file cannot be written.
    """
    path.write_text(summary(verdicts, LIMIT_BYTES, missing), encoding="utf-8")


def append_summary(verdicts: Sequence[Verdict], path: Path, missing: int = 0) -> None:
    """Add the same to what `path` holds already.

    Raises:
        OSError: the file cannot be written.
    """
    taken = path.stat().st_size if path.exists() else 0
    with path.open("a", encoding="utf-8") as file:
        file.write(summary(verdicts, LIMIT_BYTES - taken, missing))


def summary(verdicts: Sequence[Verdict], limit: int, missing: int = 0) -> str:
    """Return the Markdown text, of at most `limit` bytes; what has no room is counted."""
    parts = [f"### {headline(verdicts, missing)}\n\n"]
    size = len(parts[0].encode())
    rows = list(_table(verdicts))
    troubles = [_trouble(verdict) for verdict in verdicts if verdict.verdict != Outcome.PASS]
    for what, pieces in (("rows", rows), ("troubles", troubles)):
        for position, piece in enumerate(pieces):
            size += len(piece.encode())
            if size > limit - ROOM_BYTES:
                parts.append(f"\n{len(pieces) - position} more {what} have no room here.\n")
                size = limit  # a later, shorter piece must not stand where an earlier one had no room
                break
            parts.append(piece)
    text = "".join(parts)
    return text if len(text.encode()) <= limit else ""


def _table(verdicts: Sequence[Verdict]) -> Iterator[str]:
    kernels = columns(verdicts)
    if not kernels:
        return
    yield f"| | {' | '.join(escaped(kernel) for kernel in kernels)} |\n|---|{'---|' * len(kernels)}\n"
    for project, row in grid(verdicts).items():
        yield f"| {escaped(project)} | {' | '.join(_cell(row.get(kernel)) for kernel in kernels)} |\n"


def _cell(verdict: Verdict | None) -> str:
    if verdict is None:
        return ""
    return (
        f"{SIGNS[verdict.verdict]} {verdict.total_s:.1f} s"
        if verdict.verdict == Outcome.PASS
        else SIGNS[verdict.verdict]
    )


def _trouble(verdict: Verdict) -> str:
    what = escape(plain(f"{verdict.project} on {verdict.kernel} ({verdict.arch}): {verdict.verdict}"))
    lines = [plain(verdict.reason), *(plain(line) for line in verdict.console)]
    text = "\n".join(lines)
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"\n<details><summary>{what}</summary>\n\n{fence}text\n{text}\n{fence}\n\n</details>\n"


def escaped(text: str) -> str:
    """Return `text` so that Markdown shows it as it is."""
    return re.sub(r"([!-/:-@\[-`{-~])", r"\\\1", plain(text))
