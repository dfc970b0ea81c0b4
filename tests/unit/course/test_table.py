# SPDX-License-Identifier: BSD-2-Clause
"""What is read as a table, in which encoding, and how a file that is none is told."""

import csv
import io
import resource
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaffold.course import table
from scaffold.course.table import column_key, parse_table, read_table
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


def read(tmp_path: Path, content: bytes | str, name: str = "roster.csv", encoding: str | None = None) -> table.Table:
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_table(path, None, encoding)


def refused(tmp_path: Path, content: bytes | str, name: str = "roster.csv", encoding: str | None = None) -> str:
    with pytest.raises(UsageError) as refusal:
        read(tmp_path, content, name, encoding)
    return str(refusal.value).removeprefix(f"{tmp_path}/")


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_encodings_with_a_mark_and_ends_of_lines(tmp_path: Path, encoding: str, ending: str) -> None:
    found = read(tmp_path, ending.join(LINES).encode(encoding))
    assert [row.cells for row in found.rows] == CELLS
    assert [row.line for row in found.rows] == [2, 3]
    assert dict(found.columns) == {"name": "name", "author": "author"}


def test_an_encoding_that_is_named(tmp_path: Path) -> None:
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
def test_formats_and_what_spreadsheets_make_of_them(tmp_path: Path, name: str, lines: list[str]) -> None:
    found = read(tmp_path, "\n".join(lines), name)
    assert [row.cells for row in found.rows] == CELLS


def test_lines_are_those_of_the_file(tmp_path: Path) -> None:
    text = 'name,author\n\n"lab-1","a\nb\nc"\nlab-2,x\nlab-3\nlab-4,y\nlab-5,z,more\n'
    found = read(tmp_path, text)
    assert [(row.line, row.cells["name"]) for row in found.rows] == [(3, "lab-1"), (6, "lab-2"), (8, "lab-4")]
    assert [problem.answer.rpartition(", ")[2] for problem in found.problems] == ["line 7", "line 9"]
    assert [problem.message for problem in found.problems] == [
        "it has 1 cell, where the header has 2",
        "it has 3 cells, where the header has 2",
    ]


def test_lines_of_toml(tmp_path: Path) -> None:
    text = 'author = """\n[[project]]\n"""\nid = 7\n[[ project ]]\nname = "b"\nowner = 3.5\n'
    found = read(tmp_path, f"[[project]]\n{text}", "roster.toml")
    assert [(row.line, dict(row.cells)) for row in found.rows] == [
        (1, {"author": "[[project]]", "id": "7"}),
        (6, {"name": "b"}),
    ]
    (problem,) = found.problems
    assert problem.answer.endswith("roster.toml, line 6")
    assert problem.message == "owner is to be a string, or a whole number of up to 18 digits"


@pytest.mark.parametrize("column", ["Email address", "email_address", " EMAIL  ADDRESS", "(E-mail, address)"])
def test_columns_are_the_same_in_other_spellings(column: str) -> None:
    assert column_key(column).replace(" ", "") == "emailaddress"


WRONG = [
    (
        "name,author\nlab-1,ok\nlab-2,Jos\u00e9".encode("latin-1"),
        "roster.csv, line 3: byte 31 of the file, 0xE9, is not utf-8. Excel on Windows writes Windows-1252, for one:"
        " say --encoding cp1252, or what else it is, or convert it: iconv -f WINDOWS-1252 -t UTF-8 ",
    ),
    ("\n".join(LINES).encode("utf-16")[:-1], "is not utf-16"),
    (
        "\n".join(LINES).encode("utf-16-le"),
        "roster.csv, line 1 has a NUL, which no text has; UTF-16 without a byte order mark",
    ),
    ("name\nlab-1\nlab\0-2\n", "roster.csv, line 3 has a NUL"),
    ("name\nlab-1\n" + "x" * 10_000_000, "roster.csv, line 3 is longer than 64 KiB"),
    ("name\n" + "lab-1\n" * 1_500_000, "roster.csv has more than 8 MiB"),
    ("n\n" + "x\n" * 100_001, "roster.csv has more than 100000 rows"),
    ("", "roster.csv is empty"),
    ("name\n\n", "roster.csv has no rows"),
    (b"\xef\xbb\xbf \r\n", "roster.csv is empty"),
    ('name,author\nlab-1,x\n"lab-2,y\nlab-3,z\n', 'roster.csv, line 3: unexpected end of data; look for a "'),
    ('name,author\nlab-1,x\n"lab-2" y,z\n', "roster.csv, line 3: ',' expected after '\"'"),
    ('name\nlab-1\n"' + "x\n" * 70_000, "roster.csv, line 3: field larger than field limit"),
    ("name,Name\nx,y", "roster.csv, line 1: the columns 'name' and 'Name' have the same name"),
    ("name,,owner\nx,y,z", "roster.csv, line 1: column 2 has no name"),
]


@pytest.mark.parametrize(("content", "said"), WRONG, ids=range(len(WRONG)))
def test_what_is_no_table(tmp_path: Path, content: bytes | str, said: str) -> None:
    assert said in refused(tmp_path, content)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("name = 'x'\n", "roster.toml: 'name' means nothing here; each row is a [[project]]"),
        ("[[project]]\nname = x\n", "roster.toml: Invalid value (at line 2, column 8)"),
        ("project = [{name = 'x'}]\n", "roster.toml: each row is to begin with [[project]]"),
        ("[project]\nname = 'x'\n", "roster.toml: each row is to begin with [[project]]"),
        ("a = " + "[" * 30_000, "roster.toml: "),
        ("[[project]]\nid = " + "9" * 9_000, "roster.toml: "),
    ],
)
def test_what_is_no_toml(tmp_path: Path, content: str, said: str) -> None:
    assert refused(tmp_path, content, "roster.toml").startswith(said)


def test_what_is_no_file_or_format(tmp_path: Path) -> None:
    assert "--format takes csv | tsv | toml" in refused(tmp_path, "name\n", "roster.xlsx")
    with pytest.raises(UsageError, match="there is no format 'xlsx'"):
        read_table(tmp_path / "roster.csv", "xlsx")
    with pytest.raises(UsageError, match="No such file"):
        read_table(tmp_path / "absent.csv")
    with pytest.raises(UsageError, match="Is a directory"):
        read_table(tmp_path, "csv")
    with pytest.raises(UsageError, match="--encoding: there is no encoding 'klingon'"):
        read(tmp_path, "name\n", encoding="klingon")


def test_an_endless_line_costs_no_memory() -> None:
    """The line that never ends is given up at once, in a process that may have little memory."""
    limit = 600 << 20  # bytes of addresses; Python and its libraries take a third
    script = "import sys; from pathlib import Path; from scaffold.course.table import *; read_table(Path('-'), 'csv')"
    done = subprocess.run(
        ["sh", "-c", '(echo name; tr "\\0" x </dev/zero) | "$0" -c "$1"', sys.executable, script],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit)),
        text=True, capture_output=True, check=False, timeout=60,
    )  # fmt: skip
    assert "UsageError: stdin, line 2 is longer than 64 KiB: is it a table?" in done.stderr


TEXTS = st.text(st.sampled_from("name,;\t\"\r\n[]={}\0\ufeff é김#.'1")) | st.text(st.characters(codec="utf-8"))
CELL = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1).filter(str.strip)
BYTES = st.binary() | st.builds(str.encode, TEXTS, st.sampled_from(["utf-8", "utf-16", "utf-32"]))
ENCODINGS = st.sampled_from([None, "cp1252", "utf-16-le", "utf-7", "undefined", "hex"])


@given(BYTES, st.sampled_from(table.FORMATS), ENCODINGS)
def test_whatever_a_file_holds_it_is_read_or_refused(data: bytes, form: str, encoding: str | None) -> None:
    try:
        found = parse_table(data, "roster", form, encoding)
    except UsageError:
        return
    assert found.rows or found.problems
    for row in found.rows:
        assert row.line >= 1 and row.cells.keys() <= found.columns.keys()
        assert all(cell and cell == cell.strip() for cell in row.cells.values())


@given(st.lists(st.tuples(CELL, CELL, CELL), min_size=1), st.sampled_from(",;\t"), st.sampled_from(["\n", "\r\n"]))
def test_what_csv_writes_is_read(rows: list[tuple[str, str, str]], separator: str, ending: str) -> None:
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=separator, lineterminator=ending, quoting=csv.QUOTE_ALL)
    writer.writerows([("a", "b", "c"), *rows])
    found = parse_table(text.getvalue().encode(), "roster", "csv")
    assert [[row.cells.get(key, "") for key in "abc"] for row in found.rows] == [[*map(str.strip, row)] for row in rows]
