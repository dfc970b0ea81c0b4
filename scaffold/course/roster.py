# SPDX-License-Identifier: BSD-2-Clause
"""What the rows of a roster answer: which column, or which pattern of columns, gives which answer."""

import difflib
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from scaffold.course.table import Row, Table, column_key
from scaffold.errors import InvalidAnswersError, Problem
from scaffold.project.model import Project

ANSWERS = tuple(answer for answer in Project.__dataclass_fields__ if answer != "year")
OTHER_WORDS = {"licence": "license", "e mail": "email", "email address": "email", "e mail address": "email"}
REST = "*"
BRACES = re.compile(r"\{([^{}]*)\}")


@dataclass(frozen=True)
class RosterOptions:
    """How the user wants the columns to be read."""

    name_pattern: str | None = None  # such as lab1-{id}
    columns: Sequence[str] = ()  # ANSWER=COLUMN, or ANSWER=PATTERN
    keep: Sequence[str] = ()  # columns for index.csv; REST for all that give no answer


@dataclass(frozen=True)
class Source:
    """What gives an answer: text with columns in it. `parts` are texts and keys of columns in turns."""

    parts: tuple[str, ...]
    label: str  # for messages

    @property
    def keys(self) -> tuple[str, ...]:
        """Return the keys of the columns that it takes."""
        return self.parts[1::2]

    @property
    def plain(self) -> bool:
        """Tell whether it is one column, as it stands there."""
        return len(self.parts) == 3 and not self.parts[0] and not self.parts[2]

    def fill(self, row: Row) -> str:
        """Return the answer of `row`; "" if all the cells are empty."""
        if not any(key in row.cells for key in self.keys):
            return ""
        words = (row.cells.get(part, "") if number % 2 else part for number, part in enumerate(self.parts))
        return "".join(words).strip()


@dataclass(frozen=True)
class Student:
    """A row: what it answers, and what of it is carried over to the index."""

    line: int
    answers: Mapping[str, str]
    more: Mapping[str, str]


@dataclass(frozen=True)
class Roster:
    """The rows of a table, as answers; `problems` has those that have no answers."""

    table: Table
    sources: Mapping[str, Source]
    students: Sequence[Student]
    problems: Sequence[Problem] = field(default_factory=tuple)

    def place(self, line: int, answer: str) -> str:
        """Return how a message names the cell of a row that gives `answer`."""
        source = self.sources.get(answer)
        return f"{self.table.place(line)}, {source.label}" if source else self.table.place(line)


def read_roster(table: Table, reading: RosterOptions, taken: Collection[str] = ()) -> Roster:
    """Find out which columns of `table` give which answers, and read its rows so.

    `taken` are the names of columns that the index has already.

    Raises:
        InvalidAnswersError: a column that is named is not there, or one that is there has no use.
    """
    problems: list[Problem] = []
    sources = _sources(table, reading, problems)
    kept = _kept(table, reading, sources, taken, problems)
    problems += _useless(table, sources, kept) if not problems else []
    problems += [
        Problem("--keep", f"index.csv has a column {table.columns[key]!r} of its own; rename that of the roster")
        for key in kept
        if table.columns[key] in taken
    ]
    if problems:
        raise InvalidAnswersError(problems)
    students, bad_rows = [], list(table.problems)
    for row in table.rows:
        answers = {answer: text for answer, source in sources.items() if (text := source.fill(row))}
        empty = [key for key in sources["name"].keys if key not in row.cells]
        bad_rows += [Problem(f"{table.place(row.line)}, column {table.columns[key]!r}", "it is empty") for key in empty]
        if not empty:
            more = {table.columns[key]: " ".join(row.cells.get(key, "").split()) for key in kept}
            students.append(Student(row.line, answers, more))
    return Roster(table, sources, students, bad_rows)


def _sources(table: Table, reading: RosterOptions, problems: list[Problem]) -> dict[str, Source]:
    sources = {}
    for key, column in table.columns.items():
        answer = OTHER_WORDS.get(key, key)
        if answer in ANSWERS and answer not in sources:
            sources[answer] = Source(("", key, ""), f"column {column!r}")
    for option, words in _mappings(reading):
        answer, equals, pattern = words.partition("=")
        if not equals or answer not in ANSWERS:
            message = f"{words!r} is not ANSWER=COLUMN or ANSWER=PATTERN, where ANSWER is one of {', '.join(ANSWERS)}"
            problems.append(Problem(option, message))
        else:
            sources |= _source(table, option, answer, pattern, problems)
    if "name" not in sources and not problems:
        message = "no column is called name, so the names are to be made of others: --name-pattern 'lab1-{COLUMN}'"
        problems.append(Problem(table.name, f"{message}; {_there(table)}"))
    return sources


def _mappings(reading: RosterOptions) -> list[tuple[str, str]]:
    named = [] if reading.name_pattern is None else [("--name-pattern", f"name={reading.name_pattern}")]
    return [*(("--column", words) for words in reading.columns), *named]


def _source(table: Table, option: str, answer: str, pattern: str, problems: list[Problem]) -> dict[str, Source]:
    if option == "--column" and "{" not in pattern:
        pattern = f"{{{pattern}}}"
    parts = BRACES.split(pattern)
    columns = parts[1::2]
    faults = [f"there is no column {column!r}; {_there(table)}" for column in columns if not _known(table, column)]
    if not columns:
        faults.append(f"{pattern!r} names no column, as in 'lab1-{{id}}'; {_there(table)}")
    if any(mark in part for part in parts[::2] for mark in "{}"):
        faults.append(f"{pattern!r} has a brace without its like")
    if faults:
        problems += [Problem(option, fault) for fault in faults]
        return {}
    parts[1::2] = map(column_key, columns)
    labels = [repr(table.columns[key]) for key in dict.fromkeys(parts[1::2])]
    return {answer: Source(tuple(parts), f"column{'s' if len(labels) > 1 else ''} {', '.join(labels)}")}


def _kept(
    table: Table, reading: RosterOptions, sources: Mapping[str, Source], taken: Collection[str], problems: list[Problem]
) -> list[str]:
    """Return the keys of the columns that go into the index: those asked for, and those that a name is made of."""
    plain = {source.keys[0]: answer for answer, source in sources.items() if source.plain}
    found = [key for key in sources["name"].keys if key not in plain] if "name" in sources else []
    for column in reading.keep:
        key = column_key(column)
        if column == REST:
            used = {key for source in sources.values() for key in source.keys}
            found += [key for key in table.columns if key not in used]
        elif not _known(table, column):
            problems.append(Problem("--keep", f"there is no column {column!r}; {_there(table)}"))
        elif OTHER_WORDS.get(key, key) not in taken or key not in plain:
            found.append(key)  # else the index has it as an answer
    return list(dict.fromkeys(found))


def _useless(table: Table, sources: Mapping[str, Source], kept: Sequence[str]) -> list[Problem]:
    used = {key for source in sources.values() for key in source.keys} | set(kept)
    return [
        Problem(f"{table.name}, column {column!r}", _what_to_do(key, column))
        for key, column in table.columns.items()
        if key not in used
    ]


def _what_to_do(key: str, column: str) -> str:
    close = difflib.get_close_matches(key, [answer for answer in ANSWERS if answer != key], 1)
    guess = f"did you mean {close[0]}? " if close else ""
    return (
        f"nothing uses it; {guess}--keep '{column}' carries it over to index.csv (--keep '*' all such), --column"
        f" ANSWER='{column}' takes it for an answer: {', '.join(ANSWERS)}"
    )


def _known(table: Table, column: str) -> bool:
    return column_key(column) in table.columns


def _there(table: Table) -> str:
    return f"there are {', '.join(map(repr, table.columns.values()))}"
