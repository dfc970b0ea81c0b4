# SPDX-License-Identifier: BSD-2-Clause
"""Write verdicts as Markdown, for the summary of a GitHub Actions job or any other page."""

import re
from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path

from scaffold.testing.report.counts import grid, headline, kernel_labels, single_line
from scaffold.vmtest.verdict import Outcome, Verdict

SIGNS = {Outcome.PASS: "✅", Outcome.FAIL: "❌", Outcome.PANIC: "💥", Outcome.TIMEOUT: "⏳", Outcome.ERROR: "⚠️"}
MAX_BYTES = 1 << 20  # GitHub rejects a longer summary
RESERVED_BYTES = 256  # for the lines that count what is left out


def write_summary(verdicts: Sequence[Verdict], path: Path, missing: int = 0) -> None:
    """Write a table of projects and kernels to `path`, the details of failures, and the number of missing verdicts.

    Raises:
        OSError: the file cannot be written.
    """
    path.write_text(summary(verdicts, MAX_BYTES, missing), encoding="utf-8")


def append_summary(verdicts: Sequence[Verdict], path: Path, missing: int = 0) -> None:
    """Append the same to the file `path`, whose whole length stays within GitHub's limit.

    Raises:
        OSError: the file cannot be written.
    """
    used = path.stat().st_size if path.exists() else 0
    with path.open("a", encoding="utf-8") as file:
        file.write(summary(verdicts, MAX_BYTES - used, missing))


def summary(verdicts: Sequence[Verdict], max_bytes: int, missing: int = 0) -> str:
    """Return the Markdown text of at most `max_bytes` bytes, with a count of the rows and failures that do not fit."""
    parts = [f"### {headline(verdicts, missing)}\n\n"]
    size = len(parts[0].encode())
    failures = [_failure(verdict) for verdict in verdicts if verdict.verdict is not Outcome.PASS]
    for name, pieces in (("rows", list(_table(verdicts))), ("failures", failures)):
        for position, piece in enumerate(pieces):
            size += len(piece.encode())
            if size > max_bytes - RESERVED_BYTES:
                parts.append(f"\n{len(pieces) - position} more {name} do not fit here.\n")
                size = max_bytes  # so that no later, shorter piece is added
                break
            parts.append(piece)
    text = "".join(parts)
    return text if len(text.encode()) <= max_bytes else ""


def _table(verdicts: Sequence[Verdict]) -> Iterator[str]:
    kernels = kernel_labels(verdicts)
    if not kernels:
        return
    yield f"| | {' | '.join(escaped(kernel) for kernel in kernels)} |\n|---|{'---|' * len(kernels)}\n"
    for project, row in grid(verdicts).items():
        yield f"| {escaped(project)} | {' | '.join(_cell(row.get(kernel)) for kernel in kernels)} |\n"


def _cell(verdict: Verdict | None) -> str:
    if verdict is None:
        return ""
    sign = SIGNS[verdict.verdict]
    return f"{sign} {verdict.total_s:.1f} s" if verdict.verdict is Outcome.PASS else sign


def _failure(verdict: Verdict) -> str:
    title = escape(single_line(f"{verdict.project} on {verdict.kernel} ({verdict.arch}): {verdict.verdict}"))
    text = "\n".join(single_line(line) for line in (verdict.reason, *verdict.console))
    longest_run = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest_run + 1)
    return f"\n<details><summary>{title}</summary>\n\n{fence}text\n{text}\n{fence}\n\n</details>\n"


def escaped(text: str) -> str:
    """Return `text` in one line, escaped so that Markdown shows it unchanged."""
    return re.sub(r"([!-/:-@\[-`{-~])", r"\\\1", single_line(text))
