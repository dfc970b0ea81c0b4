# SPDX-License-Identifier: BSD-2-Clause
"""The index of a course: it is read as it was written, and no cell is a formula."""

import csv
import re
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scaffold.course.entry import Entry, EntryStatus
from scaffold.course.index import COLUMNS, INDEX_CSV, escape_formula, read_index, write_index
from scaffold.errors import DiskError, UsageError
from tests.limits import file_size_limit

ENTRY = Entry(2, "lab-1", "libbpf", "tracepoint", "lab-1", "Ada", "ada@example.org", "acme", "0" * 40, EntryStatus.MADE)
DANGEROUS = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "\uff1d1", "=cmd|' /C calc'!A0", "'=1", "''-1"]
CELLS = st.text(st.characters(codec="utf-8", exclude_characters="\0\r\n")) | st.sampled_from(DANGEROUS[:5])


@settings(max_examples=20)  # each writes files
@given(st.lists(st.tuples(CELLS, CELLS, CELLS), max_size=5))
def test_written_index_is_read_back(cells: list[tuple[str, str, str]]) -> None:
    entries = [
        replace(ENTRY, row=None, author=author, email=email, more={"Student ID": more}) for author, email, more in cells
    ]
    with tempfile.TemporaryDirectory() as directory:
        write_index(Path(directory), entries, "en")
        assert read_index(Path(directory)) == entries


@pytest.mark.parametrize("cell", DANGEROUS)
def test_no_cell_is_a_formula(tmp_path: Path, cell: str) -> None:
    write_index(tmp_path, [replace(ENTRY, author=cell, more={cell: cell})], "en")
    with (tmp_path / INDEX_CSV).open(encoding="utf-8-sig", newline="") as file:
        cells = [cell for row in csv.reader(file) for cell in row]
    assert [cell for cell in cells if cell[:1] in set("=+-@\t\r\n\uff1d")] == []
    assert escape_formula(cell.replace("\r", " ").replace("\n", " ")) in cells


def test_first_columns_can_be_split_at_commas(tmp_path: Path) -> None:
    write_index(tmp_path, [replace(ENTRY, author='Byron, "Ada"', more={"Name, short": "A, B"})], "en")
    line = (tmp_path / INDEX_CSV).read_text(encoding="utf-8-sig").splitlines()[1]
    assert line.split(",")[:8] == ["2", "lab-1", "libbpf", "tracepoint", "lab-1", "acme", "0" * 40, "made"]
    assert COLUMNS[:8] == ("row", "name", "framework", "program", "path", "owner", "commit", "status")


@pytest.mark.parametrize(
    ("text", "fact"),
    [
        (None, "No such file or directory"),
        ("", "column 'row' is missing"),
        ("name,path\n", "column 'row' is missing"),
        (",".join(COLUMNS) + "\nsecond" + "," * 9 + "\n", "is damaged"),
        (",".join(COLUMNS) + '\n"2,', "is damaged"),
        (b"\xff\xfe\x00", "is damaged"),
    ],
)
def test_missing_or_damaged_index(tmp_path: Path, text: str | bytes | None, fact: str) -> None:
    if text is not None:
        (tmp_path / INDEX_CSV).write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(UsageError, match=re.escape(fact)):
        read_index(tmp_path)


def test_unknown_status_does_not_count_as_existing(tmp_path: Path) -> None:
    write_index(tmp_path, [ENTRY], "en")
    path = tmp_path / INDEX_CSV
    path.write_text(path.read_text(encoding="utf-8-sig").replace(",made,", ",done,"))
    assert [entry.exists for entry in read_index(tmp_path)] == [False]


def test_failed_write_leaves_the_old_index(tmp_path: Path) -> None:
    write_index(tmp_path, [ENTRY], "en")
    with file_size_limit(1), pytest.raises(DiskError, match=r"cannot write .*index\.csv: File too large"):
        write_index(tmp_path, [], "en")
    assert read_index(tmp_path) == [ENTRY]
