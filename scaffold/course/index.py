# SPDX-License-Identifier: BSD-2-Clause
"""The index of a course in its directory: index.csv for programs and spreadsheets, index.md for people.

Some spreadsheets run a cell as a formula if it begins with certain characters. These cells get an apostrophe in front,
as OWASP's page on CSV injection recommends; reading removes it.
"""

import csv
import io
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from scaffold.course.entry import Entry, EntryStatus
from scaffold.course.index_markdown import index_markdown
from scaffold.errors import DiskError, UsageError
from scaffold.vmtest.files import write_atomically

INDEX_CSV = "index.csv"
INDEX_MARKDOWN = "index.md"
# The columns whose cells never need quotes come first, so that a shell can split a line at the commas.
COLUMNS = ("row", "name", "framework", "program", "path", "owner", "commit", "status", "author", "email")
FORMULA_STARTS = tuple("=+-@\t\r\n＝＋－＠")  # noqa: RUF001  spreadsheets accept the full-width forms too
REWRITE_HINT = 'rename it, then run "ebpf-new course new" with the roster, which writes a new one'


def write_index(directory: Path, entries: Sequence[Entry], lang: str) -> None:
    """Write index.csv, and index.md in the language `lang`, into `directory`; each file is replaced in one step.

    Raises:
        DiskError: a file cannot be written; the old one is untouched.
        TemplateError: the texts of index.md in this language are missing or invalid.
    """
    # Excel recognises UTF-8 by the byte order mark.
    _write(directory / INDEX_CSV, _csv_text(entries).encode("utf-8-sig"))
    _write(directory / INDEX_MARKDOWN, index_markdown(entries, lang).encode())


def _write(path: Path, content: bytes) -> None:
    try:
        write_atomically(path, content, sync=True)
    except OSError as error:
        raise DiskError(f"cannot write {path}: {error.strerror}") from error


def read_index(directory: Path) -> list[Entry]:
    """Return the repositories of the course in `directory`, in the order of its index.csv.

    Raises:
        UsageError: the file is missing or damaged.
    """
    path = directory / INDEX_CSV
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, strict=True)
            columns = reader.fieldnames or ()
            missing = [column for column in COLUMNS if column not in columns]
            if missing:
                raise UsageError(f"{path}: column {missing[0]!r} is missing", hint=REWRITE_HINT)
            return [
                _entry({unescape_formula(key): unescape_formula(row[key] or "") for key in columns}) for row in reader
            ]
    except OSError as error:
        raise UsageError(
            f"cannot read {path}: {error.strerror}", hint='"ebpf-new course new" creates a course'
        ) from error
    except (ValueError, csv.Error) as error:
        raise UsageError(f"{path} is damaged: {error}", hint=REWRITE_HINT) from error


def escape_formula(cell: str) -> str:
    """Return `cell` in a form that no spreadsheet runs as a formula."""
    # A cell that already begins with an apostrophe gets a second one, so that reading gives the cell that was written.
    return f"'{cell}" if cell.lstrip("'").startswith(FORMULA_STARTS) else cell


def unescape_formula(cell: str) -> str:
    """Return the cell for which `escape_formula` returned `cell`."""
    return cell[1:] if cell.startswith("'") and cell.lstrip("'").startswith(FORMULA_STARTS) else cell


def _entry(row: Mapping[str, str]) -> Entry:
    return Entry(
        row=int(row["row"]) if row["row"] else None,
        name=row["name"],
        framework=row["framework"],
        program=row["program"],
        path=row["path"],
        author=row["author"],
        email=row["email"],
        owner=row["owner"],
        commit=row["commit"],
        status=_status(row["status"]),
        more={column: cell for column, cell in row.items() if column not in COLUMNS},
    )


def _status(cell: str) -> EntryStatus:
    # Users edit the file in spreadsheets. A status that we do not know does not prove that the repository exists.
    with suppress(ValueError):
        return EntryStatus(cell)
    return EntryStatus.MISSING


def _csv_text(entries: Sequence[Entry]) -> str:
    more = list(dict.fromkeys(column for entry in entries for column in entry.more))
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*COLUMNS, *map(_cell, more)])
    for entry in entries:
        own = ["" if entry.row is None else str(entry.row), *(getattr(entry, column) for column in COLUMNS[1:])]
        writer.writerow(map(_cell, [*own, *(entry.more.get(column, "") for column in more)]))
    return text.getvalue()


def _cell(content: str) -> str:
    # A program that reads the file line by line must find one repository in each line.
    return escape_formula(content.replace("\r", " ").replace("\n", " "))
