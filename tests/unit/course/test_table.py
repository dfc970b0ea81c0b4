# SPDX-License-Identifier: BSD-2-Clause
"""Tables: the formats and encodings that are read, and the error for each invalid file."""

import csv
import io
import re
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaffold.course.table import MAX_LINE_BYTES, STDIN, Table, TableFormat, column_key, parse_table, read_table
from scaffold.errors import UsageError

HEADER = "name,author"
LINES = [HEADER, "lab-1,김민준", "lab-2,José"]
CELLS = [{"name": "lab-1", "author": "김민준"}, {"name": "lab-2", "author": "José"}]
TOML = """
[[project]]
name = "lab-1"
author = "김민준"

[["project"]]
name = "lab-2"
author = 'José'
"""


def read(tmp_path: Path, content: bytes | str, name: str = "roster.csv", encoding: str | None = None) -> Table:
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_table(path, None, encoding)


def read_error(tmp_path: Path, content: bytes | str, name: str = "roster.csv", encoding: str | None = None) -> str:
    with pytest.raises(UsageError) as caught:
        read(tmp_path, content, name, encoding)
    return str(caught.value).removeprefix(f"{tmp_path}/")


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_byte_order_marks_and_line_ends(tmp_path: Path, encoding: str, ending: str) -> None:
    table = read(tmp_path, ending.join(LINES).encode(encoding))
    assert [row.cells for row in table.rows] == CELLS
    assert [row.line for row in table.rows] == [2, 3]
    assert dict(table.columns) == {"name": "name", "author": "author"}


def test_encoding_option(tmp_path: Path) -> None:
    assert read(tmp_path, "\r\n".join(LINES).encode("utf-16-le"), encoding="utf-16-le").rows[0].cells == CELLS[0]
    assert read(tmp_path, f"{HEADER}\nlab-2,José".encode("cp1252"), encoding="cp1252").rows[0].cells == CELLS[1]


@pytest.mark.parametrize(
    ("name", "lines"),
    [
        ("roster.csv", [line.replace(",", ";") for line in LINES]),
        ("roster.csv", ["sep=;", *(line.replace(",", ";") for line in LINES)]),
        ("roster.csv", [line.replace(",", "\t") for line in LINES]),
        ("roster.tsv", [line.replace(",", "\t") for line in LINES]),
        ("roster.CSV", ["", LINES[0] + ",", " , ", '"lab-1", 김민준', "", "lab-2,José,,"]),
        ("roster.toml", [TOML]),
    ],
)
def test_formats_and_variants_of_spreadsheets(tmp_path: Path, name: str, lines: list[str]) -> None:
    table = read(tmp_path, "\n".join(lines), name)
    assert [row.cells for row in table.rows] == CELLS


def test_csv_rows_have_the_line_numbers_of_the_file(tmp_path: Path) -> None:
    text = 'name,author\n\n"lab-1","a\nb\nc"\nlab-2,x\nlab-3\nlab-4,y\nlab-5,z,more\n'
    table = read(tmp_path, text)
    assert [(row.line, row.cells["name"]) for row in table.rows] == [(3, "lab-1"), (6, "lab-2"), (8, "lab-4")]
    assert [problem.answer.rpartition(", ")[2] for problem in table.problems] == ["line 7", "line 9"]
    assert [re.findall("[0-9]+", problem.message) for problem in table.problems] == [["2", "1"], ["2", "3"]]


def test_toml_rows_have_the_line_numbers_of_the_file(tmp_path: Path) -> None:
    text = 'author = """\n[[project]]\n"""\nid = 7\n[[ project ]]\nname = "b"\nowner = 3.5\n'
    table = read(tmp_path, f"[[project]]\n{text}", "roster.toml")
    assert [(row.line, dict(row.cells)) for row in table.rows] == [
        (1, {"author": "[[project]]", "id": "7"}),
        (6, {"name": "b"}),
    ]
    (problem,) = table.problems
    assert problem.answer.endswith("roster.toml, line 6")
    assert "'owner'" in problem.message and "18 digits" in problem.message


@pytest.mark.parametrize("column", ["Email address", "email_address", " EMAIL  ADDRESS", "(E-mail, address)"])
def test_column_key_ignores_case_and_punctuation(column: str) -> None:
    assert column_key(column).replace(" ", "") == "emailaddress"


INVALID_CSV = {
    "other encoding": (
        "name,author\nlab-1,ok\nlab-2,Jos\u00e9".encode("latin-1"),
        ("roster.csv, line 3: ", "byte 31 ", "0xE9", "utf-8", "--encoding cp1252", "iconv -f WINDOWS-1252 -t UTF-8 /"),
    ),
    "half a character": ("\n".join(LINES).encode("utf-16")[:-1], ("roster.csv", "utf-16")),
    "no byte order mark": (
        "\n".join(LINES).encode("utf-16-le"),
        ("roster.csv, line 1: ", "NUL", "--encoding utf-16-le"),
    ),
    "NUL": ("name\nlab-1\nlab\0-2\n", ("roster.csv, line 3: ", "NUL")),
    "long line": ("name\nlab-1\n" + "x" * 10_000_000, ("roster.csv, line 3: ", "64 KiB")),
    "large file": ("name\n" + "lab-1\n" * 1_500_000, ("roster.csv ", "8 MiB")),
    "many rows": ("n\n" + "x\n" * 100_001, ("roster.csv ", "100000 rows")),
    "empty": ("", ("roster.csv is empty",)),
    "header only": ("name\n\n", ("roster.csv has no rows",)),
    "spaces only": (b"\xef\xbb\xbf \r\n", ("roster.csv is empty",)),
    "open quote": ('name,author\nlab-1,x\n"lab-2,y\nlab-3,z\n', ("roster.csv, line 3: unexpected end of data", ' " ')),
    "quote in a cell": ('name,author\nlab-1,x\n"lab-2" y,z\n', ("roster.csv, line 3: ',' expected after '\"'",)),
    "long cell": ('name\nlab-1\n"' + "x\n" * 70_000, ("roster.csv, line 3: field larger than field limit",)),
    "same column twice": ("name,Name\nx,y", ("roster.csv, line 1: ", "'name' and 'Name'")),
    "column without a name": ("name,,owner\nx,y,z", ("roster.csv, line 1: column 2 ",)),
}


@pytest.mark.parametrize(("content", "facts"), INVALID_CSV.values(), ids=INVALID_CSV.keys())
def test_invalid_csv(tmp_path: Path, content: bytes | str, facts: tuple[str, ...]) -> None:
    error = read_error(tmp_path, content)
    assert [fact for fact in facts if fact not in error] == [], error


@pytest.mark.parametrize(
    ("content", "facts"),
    [
        ("name = 'x'\n", ("'name'", "[[project]]")),
        ("[[project]]\nname = x\n", ("Invalid value (at line 2, column 8)",)),
        ("project = [{name = 'x'}]\n", ("[[project]]",)),
        ("[project]\nname = 'x'\n", ("[[project]]",)),
        ("[[project]]\n" * 100_001, ("100000 rows",)),
        ("a = " + "[" * 30_000, ()),
        ("[[project]]\nid = " + "9" * 9_000, ()),
    ],
    ids=["other key", "invalid value", "inline table", "no list", "many rows", "deep", "long number"],
)
def test_invalid_toml(tmp_path: Path, content: str, facts: tuple[str, ...]) -> None:
    error = read_error(tmp_path, content, "roster.toml")
    assert error.startswith("roster.toml")
    assert [fact for fact in facts if fact not in error] == [], error


def test_unknown_formats_files_and_encodings(tmp_path: Path) -> None:
    assert "--format csv|tsv|toml" in read_error(tmp_path, "name\n", "roster.xlsx")
    with pytest.raises(UsageError, match="unknown format 'xlsx'"):
        read_table(tmp_path / "roster.csv", "xlsx")
    with pytest.raises(UsageError, match="No such file"):
        read_table(tmp_path / "absent.csv")
    with pytest.raises(UsageError, match="Is a directory"):
        read_table(tmp_path, "csv")
    with pytest.raises(UsageError, match="--encoding: unknown encoding 'klingon'"):
        read(tmp_path, "name\n", encoding="klingon")


class EndlessLine(io.RawIOBase):
    """A header, and then a line without an end; `read_bytes` counts what was read of both."""

    def __init__(self) -> None:
        self.header = io.BytesIO(b"name\n")
        self.read_bytes = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        size = self.header.readinto(buffer)
        if not size:
            size = len(buffer)
            buffer[:] = b"x" * size
        self.read_bytes += size
        return size


def test_endless_line_on_stdin_is_not_read_to_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    endless = EndlessLine()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BufferedReader(endless)))
    with pytest.raises(UsageError, match=r"^stdin, line 2: .*64 KiB"):
        read_table(Path(STDIN), "csv")
    assert MAX_LINE_BYTES < endless.read_bytes < 2 * MAX_LINE_BYTES


def test_table_on_stdin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO("\n".join(LINES).encode())))
    assert [row.cells for row in read_table(Path(STDIN), "csv").rows] == CELLS


TEXTS = st.text(st.sampled_from("name,;\t\"\r\n[]={}\0\ufeff é김#.'1")) | st.text(st.characters(codec="utf-8"))
CELL = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1).filter(str.strip)
BYTES = st.binary() | st.builds(str.encode, TEXTS, st.sampled_from(["utf-8", "utf-16", "utf-32"]))
ENCODINGS = st.sampled_from([None, "cp1252", "utf-16-le", "utf-7", "undefined", "hex"])


@given(BYTES, st.sampled_from(TableFormat), ENCODINGS)
def test_any_bytes_give_a_table_or_a_usage_error(data: bytes, table_format: TableFormat, encoding: str | None) -> None:
    try:
        table = parse_table(data, "roster", table_format, encoding)
    except UsageError:
        return
    assert table.rows or table.problems
    for row in table.rows:
        assert row.line >= 1 and row.cells.keys() <= table.columns.keys()
        assert all(cell and cell == cell.strip() for cell in row.cells.values())


@given(st.lists(st.tuples(CELL, CELL, CELL), min_size=1), st.sampled_from(",;\t"), st.sampled_from(["\n", "\r\n"]))
def test_written_csv_is_read_back(rows: list[tuple[str, str, str]], separator: str, ending: str) -> None:
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=separator, lineterminator=ending, quoting=csv.QUOTE_ALL)
    writer.writerows([("a", "b", "c"), *rows])
    table = parse_table(text.getvalue().encode(), "roster", TableFormat.CSV)
    assert [[row.cells.get(key, "") for key in "abc"] for row in table.rows] == [[*map(str.strip, row)] for row in rows]
