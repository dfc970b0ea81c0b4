# SPDX-License-Identifier: BSD-2-Clause
"""The record of a course in its directory: index.csv for machines and spreadsheets, index.md for people.

A spreadsheet takes a cell for a formula that begins like one. Such cells get an apostrophe in front, as OWASP's page
on CSV injection says; reading takes it away again.
"""

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from scaffold.course.index_markdown import index_markdown
from scaffold.errors import DiskError, UsageError
from scaffold.vmtest.files import write_atomically

INDEX = "index.csv"
PAGE = "index.md"
# Those that need no quotes come first, so that a shell can take a line apart.
COLUMNS = ("row", "name", "framework", "program", "path", "owner", "commit", "status", "author", "email")
THERE = ("made", "kept", "other")  # the statuses of repositories that are there
LIKE_A_FORMULA = tuple("=+-@\t\r\n＝＋－＠")  # noqa: RUF001  spreadsheets take the wide ones too
RENEW = 'move it away, and "ebpf-new course new" with the roster writes a new one'


@dataclass(frozen=True)
class Entry:
    """A repository of a course, as index.csv lists it."""

    row: int | None  # the line of the roster; None if the last roster did not have it
    name: str
    framework: str
    program: str
    path: str  # relative to the course's directory
    author: str
    email: str
    owner: str
    commit: str  # what HEAD was when the index was written; "" without git, and for what is not there
    status: str  # made, kept (it was there), other (there, and not in the last roster), missing (still to be made)
    more: Mapping[str, str] = field(default_factory=dict)  # columns of the roster that were to be carried over

    @property
    def there(self) -> bool:
        """Tell whether the repository has been made."""
        return self.status in THERE


def write_index(directory: Path, entries: Sequence[Entry], lang: str) -> None:
    """Write index.csv and index.md, in the language `lang`, into `directory`: each as a whole, or the one before stays.

    Raises:
        DiskError: one could not be written.
    """
    for path, lines in ((directory / INDEX, _csv_lines(entries)), (directory / PAGE, [index_markdown(entries, lang)])):
        # Excel recognises UTF-8 by the byte order mark.
        encoding = "utf-8-sig" if path.suffix == ".csv" else "utf-8"
        try:
            write_atomically(path, "".join(lines).encode(encoding), sync=True)
        except OSError as error:
            raise DiskError(f"cannot write {path}: {error.strerror}") from error


def read_index(directory: Path) -> list[Entry]:
    """Return the repositories of the course in `directory`, in the order of its index.csv.

    Raises:
        UsageError: there is none, or it is damaged.
    """
    path = directory / INDEX
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, strict=True)
            columns = reader.fieldnames or ()
            missing = [column for column in COLUMNS if column not in columns]
            if missing:
                raise UsageError(f"{path} lacks the column {missing[0]!r}; {RENEW}")
            return [_entry({_as_it_was(key): _as_it_was(row[key] or "") for key in columns}) for row in reader]
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}; ebpf-new course new makes a course") from error
    except (ValueError, csv.Error) as error:
        raise UsageError(f"{path} is damaged ({error}); {RENEW}") from error


def as_text(cell: str) -> str:
    """Return `cell` so that no spreadsheet takes it for a formula."""
    # One that has an apostrophe before it already gets another, so that reading finds what was written.
    return f"'{cell}" if cell.lstrip("'").startswith(LIKE_A_FORMULA) else cell


def _in_a_line(cell: str) -> str:
    return cell.replace("\r", " ").replace("\n", " ")  # what reads line by line takes no others for ends of lines


def _as_it_was(cell: str) -> str:
    return cell[1:] if cell.startswith("'") and cell.lstrip("'").startswith(LIKE_A_FORMULA) else cell


def _entry(row: Mapping[str, str]) -> Entry:
    own = {column: row[column] for column in COLUMNS[1:]}
    more = {column: cell for column, cell in row.items() if column not in COLUMNS}
    return Entry(row=int(row["row"]) if row["row"] else None, more=more, **own)


class _Lines(list[str]):
    """What csv writes to, line by line."""

    write = list.append


def _csv_lines(entries: Sequence[Entry]) -> Iterable[str]:
    more = list(dict.fromkeys(column for entry in entries for column in entry.more))
    lines = _Lines()
    writer = csv.writer(lines, lineterminator="\n")
    writer.writerow([*COLUMNS, *(as_text(_in_a_line(column)) for column in more)])
    for entry in entries:
        own = ["" if entry.row is None else str(entry.row), *(getattr(entry, column) for column in COLUMNS[1:])]
        writer.writerow(
            [as_text(_in_a_line(cell)) for cell in [*own, *(entry.more.get(column, "") for column in more)]]
        )
    return lines
