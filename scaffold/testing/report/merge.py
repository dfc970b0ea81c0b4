# SPDX-License-Identifier: BSD-2-Clause
"""Read the verdicts back that `ebpf-new test --json` printed, on one machine or on many."""

import json
import reprlib
import sys
from collections.abc import Iterable, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from scaffold.errors import MissingVerdictsError, UsageError
from scaffold.vmtest.verdict import Outcome, Verdict

LISTS = ("events", "console")
MOST_SECONDS = 1e9


def read_results(paths: Sequence[Path]) -> list[Verdict]:
    """Return the verdicts in the files `paths` (- is stdin); of two of one project and kernel the later counts.

    Raises:
        UsageError: a file cannot be read, or a line in it is no verdict.
    """
    found: dict[tuple[str, str, str], Verdict] = {}
    for path in paths:
        for number, line in enumerate(_lines(path), start=1):
            try:
                verdict = read_verdict(line)
            except ValueError as error:
                raise UsageError(f"{path}, line {number}: {error}") from error
            found[verdict.project, verdict.kernel, verdict.arch] = verdict
    return list(found.values())


def reject_incomplete(found: int, missing: int) -> None:
    """Complain when there are `missing` verdicts beside those that were found.

    Raises:
        MissingVerdictsError: there are.
    """
    if missing:
        raise MissingVerdictsError(
            f"only {found} of {found + missing} verdicts are there: the results of a part are missing"
        )


def read_verdict(line: str) -> Verdict:
    """Return the verdict that a line of JSON stands for. Keys of newer versions are passed over.

    Raises:
        ValueError: it is no verdict.
    """
    try:
        values = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"this is not JSON, or not all of it: {error}") from error
    if not isinstance(values, dict):
        raise ValueError("this is no JSON object")
    names = [field.name for field in fields(Verdict)]
    missing = [name for name in names if name not in values]
    if missing:
        raise ValueError(f"this is no verdict: it lacks {', '.join(missing)}")
    known: dict[str, Any] = {name: values[name] for name in names}
    wrong = [key for key, value in known.items() if not _fits(key, value)]
    if wrong:
        raise ValueError(f"this is no verdict: {wrong[0]} cannot be {reprlib.repr(known[wrong[0]])}")
    known |= {key: tuple(known[key]) for key in LISTS} | {"verdict": Outcome(known["verdict"])}
    return Verdict(**known)


def _fits(key: str, value: Any) -> bool:
    if key == "verdict":
        return value in list(Outcome)
    if key in LISTS:
        return isinstance(value, list) and all(isinstance(line, str) for line in value)
    if key == "warm":
        return isinstance(value, bool)
    if key.endswith("_s"):
        # NaN, which Python's JSON has, is not within any bounds.
        return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value <= MOST_SECONDS
    return isinstance(value, str)


def _lines(path: Path) -> Iterable[str]:
    try:
        text = sys.stdin.read() if str(path) == "-" else path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: {getattr(error, 'strerror', None) or error}") from error
    return text.removesuffix("\n").split("\n") if text else []
