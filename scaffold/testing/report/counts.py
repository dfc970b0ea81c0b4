# SPDX-License-Identifier: BSD-2-Clause
"""What all reports have in common: counts, the rows and columns of the table, and text that is safe in one line."""

from collections import Counter
from collections.abc import Iterable, Sequence

from scaffold.vmtest.architecture import ARCHITECTURES
from scaffold.vmtest.printable import printable
from scaffold.vmtest.verdict import Outcome, Verdict

SIGNS = {Outcome.PASS: "✓", Outcome.FAIL: "✗", Outcome.PANIC: "!", Outcome.TIMEOUT: "…", Outcome.ERROR: "?"}
LABELS = {
    Outcome.PASS: "passed",
    Outcome.FAIL: "failed",
    Outcome.PANIC: "panicked",
    Outcome.TIMEOUT: "timed out",
    Outcome.ERROR: "could not be run",
}


def headline(verdicts: Sequence[Verdict], missing: int = 0) -> str:
    """Return the number of verdicts of each kind, and of `missing` ones: `23 passed, 1 failed, 2 not run`."""
    counts = Counter(verdict.verdict for verdict in verdicts)
    parts = [f"{counts[outcome]} {label}" for outcome, label in LABELS.items() if counts[outcome]]
    return ", ".join([*parts, *([f"{missing} not run"] if missing > 0 else [])]) or "no test was run"


def kernel_label(verdict: Verdict) -> str:
    """Return the kernel of `verdict`, followed by its architecture if that is not this machine's."""
    is_own = verdict.arch in ARCHITECTURES and ARCHITECTURES[verdict.arch].is_native
    return f"{verdict.kernel} {verdict.arch}" if verdict.arch and not is_own else verdict.kernel


def kernel_labels(verdicts: Iterable[Verdict]) -> list[str]:
    """Return the kernels of `verdicts` without duplicates: by version, then names and paths."""

    def sort_key(label: str) -> tuple[bool, list[int], str]:
        parts = label.partition(" ")[0].partition("-")[0].split(".")
        numbers = [int(part) for part in parts if part.isdecimal()]
        return len(numbers) < len(parts), numbers, label

    return sorted({kernel_label(verdict) for verdict in verdicts}, key=sort_key)


def grid(verdicts: Iterable[Verdict]) -> dict[str, dict[str, Verdict]]:
    """Return `verdicts` by project, in alphabetical order, and then by `kernel_label`."""
    rows: dict[str, dict[str, Verdict]] = {}
    for verdict in sorted(verdicts, key=lambda verdict: verdict.project):
        rows.setdefault(verdict.project, {})[kernel_label(verdict)] = verdict
    return rows


def single_line(text: str) -> str:
    """Return `text` in one line, with spaces for tabs and for characters that terminals or XML do not accept."""
    return printable(text.expandtabs(), replacement=" ").rstrip()
