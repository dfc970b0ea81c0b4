# SPDX-License-Identifier: BSD-2-Clause
"""A table of text from a file in CSV, TSV or TOML, with the line that each row begins on.

What is read is bounded, so that a file that is no table costs neither time nor memory.
"""

import codecs
import csv
import io
import re
import shlex
import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any, BinaryIO

from scaffold.errors import Problem, UsageError

FORMATS = ("csv", "tsv", "toml")
STDIN = "-"
TABLES = "project"  # in TOML each row is a [[project]]
LONGEST_LINE = 64 << 10  # bytes
BIGGEST = 8 << 20  # bytes
MOST_ROWS = 100_000
LARGEST_NUMBER = 10**18
MARKS = {
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF32_LE: "utf-32",  # before that of UTF-16, which it begins with
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
NO_TEXT = "has a NUL, which no text has; UTF-16 without a byte order mark is read by --encoding utf-16-le"
CONVERT = (
    "Excel on Windows writes Windows-1252, for one: say --encoding cp1252, or what else it is, or convert it:"
    " iconv -f WINDOWS-1252 -t UTF-8"
)
SEPARATOR_LINE = re.compile(r"sep=([,;|\t])\r?\n", re.IGNORECASE)  # what Excel understands, and writes


@dataclass(frozen=True)
class Row:
    """A row: the line that it begins on, and its cells that are not empty, by `column_key` of their columns."""

    line: int
    cells: Mapping[str, str]


@dataclass(frozen=True)
class Table:
    """What a file holds. `columns` are as it spells them, by their key; `problems` are the rows that it has not."""

    name: str
    columns: Mapping[str, str]
    rows: Sequence[Row]
    problems: Sequence[Problem]

    def place(self, line: int) -> str:
        """Return how a message names a line."""
        return f"{self.name}, line {line}"


def column_key(column: str) -> str:
    """Return what columns are compared by: neither capitals nor punctuation count."""
    return " ".join(re.findall(r"\w+", column.replace("_", " ").casefold())) or column.strip()


def read_table(path: Path, form: str | None = None, encoding: str | None = None) -> Table:
    """Read `path`, or stdin for "-". By default its suffix tells the format, and its first bytes the encoding.

    Raises:
        UsageError: it cannot be read as a table at all.
    """
    name = "stdin" if str(path) == STDIN else str(path)
    chosen = form or path.suffix.removeprefix(".").lower()
    if chosen not in FORMATS:
        said = f"there is no format {chosen!r}" if form else f"what format {name} has does not show in its name"
        raise UsageError(f"{said}; --format takes {' | '.join(FORMATS)}")
    try:
        if name == "stdin":
            data = _bounded(sys.stdin.buffer, name)
        else:
            with path.open("rb") as file:
                data = _bounded(file, name)
    except OSError as error:
        raise UsageError(f"{name}: {error.strerror}") from error
    return parse_table(data, name, chosen, encoding)


def parse_table(data: bytes, name: str, form: str, encoding: str | None = None) -> Table:
    """Return the table that `data` holds, in one of FORMATS; `name` is how messages call it.

    Raises:
        UsageError: it cannot be read as a table at all.
    """
    text = _decoded(data, name, encoding)
    if not text.strip():
        raise UsageError(f"{name} is empty")
    table = _from_toml(text, name) if form == "toml" else _from_separated(text, name, form)
    if not table.rows and not table.problems:
        raise UsageError(f"{name} has no rows")
    return table


def _bounded(file: BinaryIO, name: str) -> bytes:
    data = bytearray()
    for number in count(1):
        line = file.readline(LONGEST_LINE + 1)
        if not line:
            break
        data += line
        if len(line) > LONGEST_LINE:
            raise UsageError(f"{name}, line {number} is longer than {LONGEST_LINE >> 10} KiB: is it a table?")
        if len(data) > BIGGEST:
            raise UsageError(f"{name} has more than {BIGGEST >> 20} MiB; split it")
    return bytes(data)


def _decoded(data: bytes, name: str, encoding: str | None) -> str:
    chosen = encoding or next((found for mark, found in MARKS.items() if data.startswith(mark)), "utf-8")
    if chosen == "utf-8" and b"\0" in data:
        raise UsageError(f"{name}, line {data.count(10, 0, data.index(0)) + 1} {NO_TEXT}")
    try:
        text = data.decode(chosen).removeprefix("\ufeff")
    except LookupError as error:
        raise UsageError(f"--encoding: there is no encoding {encoding!r}; iconv --list names many") from error
    except UnicodeDecodeError as error:
        line = data[: error.start].decode(chosen, "ignore").count("\n") + 1
        where = f"{name}, line {line}: byte {error.start + 1} of the file, 0x{data[error.start]:02X}, is not {chosen}"
        source = "" if name == "stdin" else shlex.quote(name)
        raise UsageError(f"{where}. {CONVERT} {source}".rstrip()) from error
    except UnicodeError as error:
        raise UsageError(f"{name} is not {chosen}: {error}") from error
    if "\0" in text:
        raise UsageError(f"{name}, line {text.count(chr(10), 0, text.index(chr(0))) + 1} {NO_TEXT}")
    return text


def _from_separated(text: str, name: str, form: str) -> Table:
    told = SEPARATOR_LINE.match(text)
    lines = io.StringIO(text[told.end() :] if told else text, newline="")
    skipped = 1 if told else 0
    separator = told[1] if told else "\t" if form == "tsv" else _separator(text)
    records = _records(lines, name, separator, skipped)
    line, header = next(records, (1, []))
    columns = _columns(header, f"{name}, line {line}")
    keys = list(columns)
    rows: list[Row] = []
    problems: list[Problem] = []
    for line, cells in records:
        if len(rows) + len(problems) >= MOST_ROWS:
            raise UsageError(f"{name} has more than {MOST_ROWS} rows; split it")
        while len(cells) > len(keys) and not cells[-1]:
            cells.pop()
        if len(cells) == len(keys):
            rows.append(Row(line, {key: cell for key, cell in zip(keys, cells, strict=True) if cell}))
        else:
            message = f"it has {_cells(len(cells))}, where the header has {len(keys)}"
            problems.append(Problem(f"{name}, line {line}", message))
    return Table(name, columns, rows, problems)


def _separator(text: str) -> str:
    """Return what the header is separated by: what makes most columns of it."""

    def columns(separator: str) -> int:
        try:
            reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
            return next((len(cells) for cells in reader if any(map(str.strip, cells))), 0)
        except csv.Error:
            return 0

    return max(",;\t", key=columns)


def _records(lines: io.StringIO, name: str, separator: str, skipped: int) -> Iterator[tuple[int, list[str]]]:
    """Yield the records that are not empty, with the line that each begins on; a quoted cell may have many lines."""
    reader = csv.reader(lines, delimiter=separator, strict=True)
    while True:
        line = reader.line_num + skipped + 1
        try:
            cells = [cell.strip() for cell in next(reader)]
        except StopIteration:
            return
        except csv.Error as error:
            raise UsageError(f'{name}, line {line}: {error}; look for a " that is not closed or not doubled') from error
        if any(cells):
            yield line, cells


def _columns(header: list[str], place: str) -> dict[str, str]:
    """Return the columns that `header` names, by their keys.

    Raises:
        UsageError: one has no name, or the same as another.
    """
    while header and not header[-1]:
        header.pop()
    columns: dict[str, str] = {}
    for number, column in enumerate(header, start=1):
        key = column_key(column)
        if not key:
            raise UsageError(f"{place}: column {number} has no name; the first row is to name the columns")
        if key in columns:
            raise UsageError(f"{place}: the columns {columns[key]!r} and {column!r} have the same name")
        columns[key] = column
    return columns


def _cells(number: int) -> str:
    return "1 cell" if number == 1 else f"{number} cells"


def _from_toml(text: str, name: str) -> Table:
    try:
        content = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{name}: {error}") from error
    found = content.pop(TABLES, None)
    if content:
        raise UsageError(f"{name}: {next(iter(content))!r} means nothing here; each row is a [[{TABLES}]]")
    lines = _lines_of_tables(text, len(found) if isinstance(found, list) else 0)
    if not isinstance(found, list) or len(lines) != len(found) or len(found) > MOST_ROWS:
        raise UsageError(f"{name}: each row is to begin with [[{TABLES}]], and there are to be {MOST_ROWS} at most")
    columns: dict[str, str] = {}
    problems: list[Problem] = []
    rows = []
    for line, table in zip(lines, found, strict=True):
        cells = dict(_toml_cells(table, f"{name}, line {line}", problems))
        columns |= {column_key(column): column for column in cells if column_key(column) not in columns}
        rows.append(Row(line, {column_key(column): cell for column, cell in cells.items() if cell}))
    return Table(name, columns, rows, problems)


def _toml_cells(table: Mapping[str, Any], place: str, problems: list[Problem]) -> Iterator[tuple[str, str]]:
    keys: dict[str, str] = {}
    for column, value in table.items():
        key = column_key(column)
        if key in keys or not key:
            message = f"{keys[key]!r} and {column!r} are the same" if key else f"{column!r} is no name of a column"
            problems.append(Problem(place, message))
        elif isinstance(value, str) or (type(value) is int and abs(value) < LARGEST_NUMBER):
            yield column, str(value).strip()
        else:
            problems.append(Problem(place, f"{column} is to be a string, or a whole number of up to 18 digits"))
        keys[key] = column


def _lines_of_tables(text: str, number: int) -> list[int]:
    """Return the lines that the tables begin on, which tomllib does not tell."""
    lines = text.split("\n")
    head = re.compile(rf"""\s*\[\[\s*(["']?){TABLES}\1\s*\]\]""")
    found = [line for line, words in enumerate(lines, start=1) if head.match(words)]
    if len(found) <= number:
        return found
    # Some stand in a string of many lines: up to a true one there are whole tables.
    true = found[:1]
    for line in found[1:]:
        try:
            tomllib.loads("\n".join(lines[true[-1] - 1 : line - 1]))
        except ValueError:
            continue
        true.append(line)
    return true
