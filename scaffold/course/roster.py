# SPDX-License-Identifier: BSD-2-Clause
"""The answers in the rows of a roster: which column, or which pattern of columns, gives which answer."""

import difflib
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from scaffold.course.table import Table, TableRow, column_key
from scaffold.errors import InvalidAnswersError, Problem
from scaffold.project.model import Project

ANSWERS = tuple(answer for answer in Project.__dataclass_fields__ if answer != "year")
SYNONYMS = {"licence": "license", "e mail": "email", "email address": "email", "e mail address": "email"}
ALL_UNUSED = "*"
PLACEHOLDER = re.compile(r"\{([^{}]*)\}")


@dataclass(frozen=True)
class RosterOptions:
    """How the user maps the columns of a roster to answers."""

    name_pattern: str | None = None  # such as lab1-{id}
    columns: Sequence[str] = ()  # each is ANSWER=COLUMN or ANSWER=PATTERN
    keep: Sequence[str] = ()  # columns to copy to index.csv; ALL_UNUSED for all that give no answer


@dataclass(frozen=True)
class ColumnPattern:
    """A pattern that gives an answer. `parts` alternates between text and the key of a column; it begins with text."""

    parts: tuple[str, ...]
    label: str  # the names of the columns, for messages

    @property
    def keys(self) -> tuple[str, ...]:
        """Return the keys of the columns in the pattern."""
        return self.parts[1::2]

    @property
    def is_single_column(self) -> bool:
        """Tell whether the pattern is one column without text around it."""
        return len(self.parts) == 3 and not self.parts[0] and not self.parts[2]

    def fill(self, row: TableRow) -> str:
        """Return the pattern filled in from `row`; "" if all its cells are empty."""
        if not any(key in row.cells for key in self.keys):
            return ""
        texts = (row.cells.get(part, "") if index % 2 else part for index, part in enumerate(self.parts))
        return "".join(texts).strip()


@dataclass(frozen=True)
class RosterRow:
    """A row of the roster: its line, its answers (without the missing ones), and the cells to copy to the index."""

    line: int
    answers: Mapping[str, str]
    more: Mapping[str, str]


@dataclass(frozen=True)
class Roster:
    """The rows of a table as answers; rows that cannot be read are in `problems` only."""

    table: Table
    patterns: Mapping[str, ColumnPattern]  # by answer
    rows: Sequence[RosterRow]
    problems: Sequence[Problem]

    def location(self, line: int, answer: str) -> str:
        """Return the name, for messages, of the cell in `line` that gives `answer`."""
        pattern = self.patterns.get(answer)
        return f"{self.table.location(line)}, {pattern.label}" if pattern else self.table.location(line)


def read_roster(table: Table, options: RosterOptions, reserved: Collection[str] = ()) -> Roster:
    """Map the columns of `table` to answers, and read its rows.

    `reserved` are the names of the columns that index.csv always has.

    Raises:
        InvalidAnswersError: an option names an unknown column, or a column is not used.
    """
    problems: list[Problem] = []
    patterns = _find_patterns(table, options, problems)
    kept = _kept_columns(table, options, patterns, reserved, problems)
    problems += _unused_columns(table, patterns, kept) if not problems else []
    problems += [
        Problem("--keep", f"index.csv already has a column {table.columns[key]!r}", "rename the column of the roster")
        for key in kept
        if table.columns[key] in reserved
    ]
    if problems:
        raise InvalidAnswersError(problems)
    rows, row_problems = [], list(table.problems)
    for row in table.rows:
        empty = [key for key in patterns["name"].keys if key not in row.cells]
        row_problems += [
            Problem(f"{table.location(row.line)}, column {table.columns[key]!r}", "the cell is empty") for key in empty
        ]
        if not empty:
            answers = {answer: text for answer, pattern in patterns.items() if (text := pattern.fill(row))}
            more = {table.columns[key]: " ".join(row.cells.get(key, "").split()) for key in kept}
            rows.append(RosterRow(row.line, answers, more))
    return Roster(table, patterns, rows, row_problems)


def _find_patterns(table: Table, options: RosterOptions, problems: list[Problem]) -> dict[str, ColumnPattern]:
    """Return the pattern of each answer that the roster gives, and add invalid options to `problems`."""
    patterns = {}
    for key, column in table.columns.items():
        answer = SYNONYMS.get(key, key)
        if answer in ANSWERS and answer not in patterns:
            patterns[answer] = ColumnPattern(("", key, ""), f"column {column!r}")
    for option, assignment in _assignments(options):
        answer, equals, text = assignment.partition("=")
        if not equals or answer not in ANSWERS:
            message = f"expected ANSWER=COLUMN or ANSWER=PATTERN, got {assignment!r}"
            problems.append(Problem(option, message, f"ANSWER is one of {', '.join(ANSWERS)}"))
            continue
        pattern = _parse_pattern(table, option, text, problems)
        if pattern:
            patterns[answer] = pattern
    if "name" not in patterns and not problems:
        hint = f"make the names from other columns with --name-pattern 'lab1-{{COLUMN}}'; {_list_columns(table)}"
        problems.append(Problem(table.name, "the column 'name' is missing", hint))
    return patterns


def _assignments(options: RosterOptions) -> list[tuple[str, str]]:
    """Return the options that assign a column to an answer, each with its ANSWER=PATTERN."""
    name = [] if options.name_pattern is None else [("--name-pattern", f"name={options.name_pattern}")]
    return [*(("--column", assignment) for assignment in options.columns), *name]


def _parse_pattern(table: Table, option: str, text: str, problems: list[Problem]) -> ColumnPattern | None:
    if option == "--column" and "{" not in text:
        text = f"{{{text}}}"
    parts = PLACEHOLDER.split(text)
    columns = parts[1::2]
    unknown = [column for column in columns if column_key(column) not in table.columns]
    invalid = [_unknown_column(table, option, column) for column in unknown]
    if not columns:
        hint = f"put a column in braces, as in 'lab1-{{id}}'; {_list_columns(table)}"
        invalid.append(Problem(option, f"the pattern {text!r} contains no column", hint))
    if any(brace in part for part in parts[::2] for brace in "{}"):
        hint = "close each brace, as in 'lab1-{id}'"
        invalid = [Problem(option, f"the pattern {text!r} has an unmatched brace", hint)]
    if invalid:
        problems += invalid
        return None
    parts[1::2] = map(column_key, columns)
    names = [repr(table.columns[key]) for key in dict.fromkeys(parts[1::2])]
    return ColumnPattern(tuple(parts), f"column{'s' if len(names) > 1 else ''} {', '.join(names)}")


def _kept_columns(
    table: Table,
    options: RosterOptions,
    patterns: Mapping[str, ColumnPattern],
    reserved: Collection[str],
    problems: list[Problem],
) -> list[str]:
    """Return the keys of the columns to copy to the index: those in `options.keep`, and those that names consist of."""
    answer_by_key = {pattern.keys[0]: answer for answer, pattern in patterns.items() if pattern.is_single_column}
    kept = [key for key in patterns["name"].keys if key not in answer_by_key] if "name" in patterns else []
    for column in options.keep:
        key = column_key(column)
        if column == ALL_UNUSED:
            used = _used_keys(patterns)
            kept += [key for key in table.columns if key not in used]
        elif key not in table.columns:
            problems.append(_unknown_column(table, "--keep", column))
        elif SYNONYMS.get(key, key) not in reserved or key not in answer_by_key:
            kept.append(key)  # otherwise the index contains it already, as an answer
    return list(dict.fromkeys(kept))


def _unused_columns(table: Table, patterns: Mapping[str, ColumnPattern], kept: Sequence[str]) -> list[Problem]:
    used = _used_keys(patterns) | set(kept)
    return [
        Problem(f"{table.name}, column {column!r}", "the column is not used", _unused_hint(key, column))
        for key, column in table.columns.items()
        if key not in used
    ]


def _used_keys(patterns: Mapping[str, ColumnPattern]) -> set[str]:
    return {key for pattern in patterns.values() for key in pattern.keys}


def _unused_hint(key: str, column: str) -> str:
    similar = difflib.get_close_matches(key, [answer for answer in ANSWERS if answer != key], 1)
    guess = f"did you mean {similar[0]}? " if similar else ""
    return (
        f"{guess}--keep '{column}' copies it to index.csv (--keep '*' copies all unused columns);"
        f" --column ANSWER='{column}' uses it as an answer: {', '.join(ANSWERS)}"
    )


def _unknown_column(table: Table, option: str, column: str) -> Problem:
    return Problem(option, f"unknown column {column!r}", _list_columns(table))


def _list_columns(table: Table) -> str:
    return f"the columns are {', '.join(map(repr, table.columns.values()))}"
