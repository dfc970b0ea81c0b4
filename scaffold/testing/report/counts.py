# SPDX-License-Identifier: BSD-2-Clause
"""What all reports say in the same way: how many of each verdict there are, in which rows and columns."""

from collections import Counter
from collections.abc import Iterable, Sequence

from scaffold.vmtest.architecture import ARCHITECTURES
from scaffold.vmtest.verdict import Outcome, Verdict

SIGNS = {Outcome.PASS: "✓", Outcome.FAIL: "✗", Outcome.PANIC: "!", Outcome.TIMEOUT: "…", Outcome.ERROR: "?"}
WORDS = {
    Outcome.PASS: "passed",
    Outcome.FAIL: "failed",
    Outcome.PANIC: "panicked",
    Outcome.TIMEOUT: "timed out",
    Outcome.ERROR: "could not be run",
}


def headline(verdicts: Sequence[Verdict], missing: int = 0) -> str:
    """Return how many there are of each verdict, and `missing` ones, in words: `23 passed, 1 failed, 2 not run`."""
    counts = Counter(verdict.verdict for verdict in verdicts)
    words = [f"{counts[kind]} {word}" for kind, word in WORDS.items() if counts[kind]]
    return ", ".join([*words, *([f"{missing} not run"] if missing > 0 else [])]) or "nothing was run"


def column(verdict: Verdict) -> str:
    """Return what a table calls the kernel of `verdict`, with the architecture where it is not this machine's."""
    own = verdict.arch in ARCHITECTURES and ARCHITECTURES[verdict.arch].is_native
    foreign = verdict.arch and not own
    return f"{verdict.kernel} {verdict.arch}" if foreign else verdict.kernel


def columns(verdicts: Iterable[Verdict]) -> list[str]:
    """Return the kernels of `verdicts` in the order in which versions grow, names and paths last."""

    def age(name: str) -> tuple[bool, list[int], str]:
        parts = name.partition(" ")[0].partition("-")[0].split(".")
        numbers = [int(part) for part in parts if part.isdecimal()]
        return len(numbers) < len(parts), numbers, name

    return sorted({column(verdict) for verdict in verdicts}, key=age)


def grid(verdicts: Iterable[Verdict]) -> dict[str, dict[str, Verdict]]:
    """Return `verdicts` by project, in alphabetical order, and kernel as `column` calls it."""
    found: dict[str, dict[str, Verdict]] = {}
    for verdict in sorted(verdicts, key=lambda verdict: verdict.project):
        found.setdefault(verdict.project, {})[column(verdict)] = verdict
    return found


def plain(text: str) -> str:
    """Return `text` in one line, without characters that act on a terminal or have no place in XML."""
    return "".join(char if char.isprintable() else " " for char in text.expandtabs()).rstrip()
