# SPDX-License-Identifier: BSD-2-Clause
"""Read the JSON lines of `ebpf-new test --json`, from one machine or from several."""

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
MAX_SECONDS = 1e9


def read_results(paths: Sequence[Path]) -> list[Verdict]:
    """Return the verdicts in the files `paths`, where `-` is stdin; the last verdict of a case counts.

    Raises:
        UsageError: a file cannot be read, or contains a line that is not a verdict.
    """
    verdicts: dict[tuple[str, str, str], Verdict] = {}
    for path in paths:
        for number, line in enumerate(_read_lines(path), start=1):
            try:
                verdict = read_verdict(line)
            except ValueError as error:
                hint = 'give files with the output of "ebpf-new test --json"'
                raise UsageError(f"{path}, line {number}: {error}", hint=hint) from error
            verdicts[verdict.project, verdict.kernel, verdict.arch] = verdict
    return list(verdicts.values())


def reject_incomplete(count: int, missing: int) -> None:
    """Check that no verdicts are missing; `count` is the number of those that exist.

    Raises:
        MissingVerdictsError: some are missing.
    """
    if missing:
        raise MissingVerdictsError(
            f"found only {count} of {count + missing} verdicts", hint="add the files with the missing results"
        )


def read_verdict(line: str) -> Verdict:
    """Return the verdict in a JSON line. Unknown keys, which a newer version may write, are ignored.

    Raises:
        ValueError: the line is not valid JSON, or not a verdict.
    """
    try:
        values = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"invalid or incomplete JSON: {error}") from error
    if not isinstance(values, dict):
        raise ValueError(f"expected a JSON object, got {reprlib.repr(values)}")
    names = [field.name for field in fields(Verdict)]
    missing = [name for name in names if name not in values]
    if missing:
        raise ValueError(f"invalid verdict: missing {', '.join(missing)}")
    known: dict[str, Any] = {name: values[name] for name in names}
    invalid = [key for key, value in known.items() if not _is_valid(key, value)]
    if invalid:
        raise ValueError(f"invalid verdict: invalid {invalid[0]} {reprlib.repr(known[invalid[0]])}")
    known |= {key: tuple(known[key]) for key in LISTS} | {"verdict": Outcome(known["verdict"])}
    return Verdict(**known)


def _is_valid(key: str, value: Any) -> bool:
    if key == "verdict":
        return value in list(Outcome)
    if key in LISTS:
        return isinstance(value, list) and all(isinstance(line, str) for line in value)
    if key == "warm":
        return isinstance(value, bool)
    if key.endswith("_s"):
        # The comparison is false for NaN, which Python's JSON accepts.
        return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value <= MAX_SECONDS
    return isinstance(value, str)


def _read_lines(path: Path) -> Iterable[str]:
    try:
        text = sys.stdin.read() if str(path) == "-" else path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot read {path}: {getattr(error, 'strerror', None) or error}") from error
    return text.removesuffix("\n").split("\n") if text else []
