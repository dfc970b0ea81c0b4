# SPDX-License-Identifier: BSD-2-Clause
"""A table of text from a CSV, TSV or TOML file, with the line number of each row.

The size of the input is limited, so that a file which is not a table costs neither much time nor much memory.
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
from enum import StrEnum
from itertools import count
from pathlib import Path
from typing import Any, BinaryIO

from scaffold.errors import Problem, UsageError

STDIN = "-"
TOML_TABLE = "project"  # in TOML each row is a [[project]] table
MAX_LINE_BYTES = 64 << 10
MAX_FILE_BYTES = 8 << 20
MAX_ROWS = 100_000
MAX_DIGITS = 18  # of a whole number in TOML
ENCODING_BY_BYTE_ORDER_MARK = {
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF32_LE: "utf-32",  # before UTF-16, because its mark begins with the one of UTF-16
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
SEPARATOR_LINE = re.compile(r"sep=([,;|\t])\r?\n", re.IGNORECASE)  # Excel reads and writes this first line
TOML_HINT = f"begin each row with a line [[{TOML_TABLE}]]"
NUL_HINT = "if the file is UTF-16 without a byte order mark, add --encoding utf-16-le"
QUOTE_HINT = 'look for a " that is not closed, or not doubled inside a quoted cell'
ENCODING_HINT = (
    "name the encoding, such as --encoding cp1252 for Excel on Windows, or convert the file:"
    " iconv -f WINDOWS-1252 -t UTF-8"
)


class TableFormat(StrEnum):
    """The format of a table; the values are the suffixes of the files."""

    CSV = "csv"
    TSV = "tsv"
    TOML = "toml"


@dataclass(frozen=True)
class TableRow:
    """A row: the line on which it begins, and its cells by `column_key`, without the empty ones."""

    line: int
    cells: Mapping[str, str]


@dataclass(frozen=True)
class Table:
    """The content of a file. `columns` maps keys to the names in the file; invalid rows are in `problems` only."""

    name: str
    columns: Mapping[str, str]
    rows: Sequence[TableRow]
    problems: Sequence[Problem]

    def location(self, line: int) -> str:
        """Return the name of a line for messages."""
        return f"{self.name}, line {line}"


def column_key(column: str) -> str:
    """Return the key of a column: names that differ only in case, punctuation and spaces have the same key."""
    return " ".join(re.findall(r"\w+", column.replace("_", " ").casefold())) or column.strip()


def read_table(path: Path, table_format: str | None = None, encoding: str | None = None) -> Table:
    """Read the table in the file `path`; the path "-" is stdin.

    The default format is the suffix of `path`. The default encoding is UTF-8, or what the byte order mark shows.

    Raises:
        UsageError: the file cannot be read, or its content is not a table.
    """
    name = "stdin" if str(path) == STDIN else str(path)
    suffix = table_format or path.suffix.removeprefix(".").lower()
    try:
        chosen = TableFormat(suffix)
    except ValueError as error:
        message = f"unknown format {suffix!r}" if table_format else f"the name of {name} does not show its format"
        raise UsageError(message, hint=f"use --format {'|'.join(TableFormat)}") from error
    try:
        if name == "stdin":
            data = _read_limited(sys.stdin.buffer, name)
        else:
            with path.open("rb") as file:
                data = _read_limited(file, name)
    except OSError as error:
        raise UsageError(f"cannot read {name}: {error.strerror}") from error
    return parse_table(data, name, chosen, encoding)


def parse_table(data: bytes, name: str, table_format: TableFormat, encoding: str | None = None) -> Table:
    """Return the table in `data`; messages call it `name`.

    Raises:
        UsageError: `data` is not a table.
    """
    text = _decode(data, name, encoding)
    if not text.strip():
        raise UsageError(f"{name} is empty", hint="write a row for each repository")
    table = _parse_toml(text, name) if table_format is TableFormat.TOML else _parse_csv(text, name, table_format)
    if not table.rows and not table.problems:
        raise UsageError(f"{name} has no rows", hint="write a row for each repository")
    return table


def _read_limited(file: BinaryIO, name: str) -> bytes:
    data = bytearray()
    for number in count(1):
        line = file.readline(MAX_LINE_BYTES + 1)
        if not line:
            break
        data += line
        if len(line) > MAX_LINE_BYTES:
            message = f"{name}, line {number}: the line is longer than {MAX_LINE_BYTES >> 10} KiB"
            raise UsageError(message, hint="check that the file is a table")
        if len(data) > MAX_FILE_BYTES:
            raise UsageError(f"{name} is larger than {MAX_FILE_BYTES >> 20} MiB", hint="split the roster")
    return bytes(data)


def _decode(data: bytes, name: str, encoding: str | None) -> str:
    marked = (known for mark, known in ENCODING_BY_BYTE_ORDER_MARK.items() if data.startswith(mark))
    chosen = encoding or next(marked, "utf-8")
    if chosen == "utf-8" and b"\0" in data:
        raise _nul_error(name, data.count(b"\n", 0, data.index(b"\0")))
    try:
        text = data.decode(chosen).removeprefix("\ufeff")
    except LookupError as error:
        message = f"--encoding: unknown encoding {encoding!r}"
        raise UsageError(message, hint="iconv --list prints the names of encodings") from error
    except UnicodeDecodeError as error:
        line = data[: error.start].decode(chosen, "ignore").count("\n") + 1
        byte = f"byte {error.start + 1} of the file, 0x{data[error.start]:02X}"
        file = "" if name == "stdin" else shlex.quote(name)
        message = f"{name}, line {line}: {byte}, is invalid in {chosen}"
        raise UsageError(message, hint=f"{ENCODING_HINT} {file}".rstrip()) from error
    except UnicodeError as error:
        raise UsageError(f"{name} is invalid in {chosen}: {error}") from error
    if "\0" in text:
        raise _nul_error(name, text.count("\n", 0, text.index("\0")))
    return text


def _nul_error(name: str, lines_before: int) -> UsageError:
    return UsageError(f"{name}, line {lines_before + 1}: a NUL character is invalid in text", hint=NUL_HINT)


def _too_many_rows(name: str) -> UsageError:
    return UsageError(f"{name} has more than {MAX_ROWS} rows", hint="split the roster")


def _parse_csv(text: str, name: str, table_format: TableFormat) -> Table:
    separator_line = SEPARATOR_LINE.match(text)
    if separator_line:
        separator, skipped_lines = separator_line[1], 1
        text = text[separator_line.end() :]
    else:
        separator, skipped_lines = "\t" if table_format is TableFormat.TSV else _guess_separator(text), 0
    records = _read_records(text, name, separator, skipped_lines)
    line, header = next(records, (1, []))
    columns = _read_header(header, f"{name}, line {line}")
    keys = list(columns)
    rows: list[TableRow] = []
    problems: list[Problem] = []
    for line, cells in records:
        if len(rows) + len(problems) >= MAX_ROWS:
            raise _too_many_rows(name)
        while len(cells) > len(keys) and not cells[-1]:
            cells.pop()
        if len(cells) == len(keys):
            rows.append(TableRow(line, {key: cell for key, cell in zip(keys, cells, strict=True) if cell}))
        else:
            message = f"expected {len(keys)} cells as in the header, got {len(cells)}"
            problems.append(Problem(f"{name}, line {line}", message))
    return Table(name, columns, rows, problems)


def _guess_separator(text: str) -> str:
    """Return the separator that splits the header into the most columns."""

    def columns(separator: str) -> int:
        try:
            reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
            return next((len(cells) for cells in reader if any(map(str.strip, cells))), 0)
        except csv.Error:
            return 0

    return max(",;\t", key=columns)


def _read_records(text: str, name: str, separator: str, skipped_lines: int) -> Iterator[tuple[int, list[str]]]:
    """Yield the records that are not empty, each with the line on which it begins; a quoted cell can span lines."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    while True:
        line = reader.line_num + skipped_lines + 1
        try:
            cells = [cell.strip() for cell in next(reader)]
        except StopIteration:
            return
        except csv.Error as error:
            raise UsageError(f"{name}, line {line}: {error}", hint=QUOTE_HINT) from error
        if any(cells):
            yield line, cells


def _read_header(header: list[str], location: str) -> dict[str, str]:
    """Return the names of the columns in `header` by their keys.

    Raises:
        UsageError: a column has no name, or the same name as another one.
    """
    while header and not header[-1]:
        header.pop()
    columns: dict[str, str] = {}
    for number, column in enumerate(header, start=1):
        key = column_key(column)
        if not key:
            raise UsageError(f"{location}: column {number} has no name", hint="name each column in the first row")
        if key in columns:
            message = f"{location}: the columns {columns[key]!r} and {column!r} have the same name"
            raise UsageError(message, hint="rename one of them; case, punctuation and spaces do not count")
        columns[key] = column
    return columns


def _parse_toml(text: str, name: str) -> Table:
    try:
        content = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{name}: invalid TOML: {error}") from error
    tables = content.pop(TOML_TABLE, None)
    if content:
        raise UsageError(f"{name}: unknown key {next(iter(content))!r}", hint=TOML_HINT)
    if isinstance(tables, list) and len(tables) > MAX_ROWS:
        raise _too_many_rows(name)
    lines = _find_table_headers(text, len(tables)) if isinstance(tables, list) else []
    if not isinstance(tables, list) or len(lines) != len(tables):
        raise UsageError(f"{name}: {TOML_TABLE!r} is not a list of [[{TOML_TABLE}]] tables", hint=TOML_HINT)
    columns: dict[str, str] = {}
    problems: list[Problem] = []
    rows = []
    for line, table in zip(lines, tables, strict=True):
        cells = dict(_read_toml_cells(table, f"{name}, line {line}", problems))
        columns |= {column_key(column): column for column in cells if column_key(column) not in columns}
        rows.append(TableRow(line, {column_key(column): cell for column, cell in cells.items() if cell}))
    return Table(name, columns, rows, problems)


def _read_toml_cells(table: Mapping[str, Any], location: str, problems: list[Problem]) -> Iterator[tuple[str, str]]:
    """Yield the name and the text of each valid cell, and add the others to `problems`."""
    names: dict[str, str] = {}
    for column, value in table.items():
        key = column_key(column)
        if not key:
            problems.append(Problem(location, f"invalid column name {column!r}"))
        elif key in names:
            problems.append(Problem(location, f"{names[key]!r} and {column!r} are the same column"))
        elif isinstance(value, str) or (type(value) is int and abs(value) < 10**MAX_DIGITS):
            yield column, str(value).strip()
        else:
            message = f"invalid value of {column!r}: expected a string or a whole number of up to {MAX_DIGITS} digits"
            problems.append(Problem(location, message))
        names[key] = column


def _find_table_headers(text: str, number: int) -> list[int]:
    """Return the lines of the headers of the `number` tables in `text`, because tomllib does not report lines."""
    lines = text.split("\n")
    header = re.compile(rf"""\s*\[\[\s*(["']?){TOML_TABLE}\1\s*\]\]""")
    candidates = [line for line, content in enumerate(lines, start=1) if header.match(content)]
    if len(candidates) <= number:
        return candidates
    # Some candidates are inside a multi-line string. The lines between two real headers are valid TOML on their own.
    headers = candidates[:1]
    for candidate in candidates[1:]:
        try:
            tomllib.loads("\n".join(lines[headers[-1] - 1 : candidate - 1]))
        except ValueError:
            continue
        headers.append(candidate)
    return headers
