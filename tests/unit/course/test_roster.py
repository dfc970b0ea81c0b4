# SPDX-License-Identifier: BSD-2-Clause
"""The columns of a roster: which of them give answers, which are kept, and a problem for each that is not used."""

from dataclasses import replace

import pytest

from scaffold.course.index import COLUMNS
from scaffold.course.roster import Roster, RosterOptions, read_roster
from scaffold.course.table import TableFormat, parse_table
from scaffold.errors import InvalidAnswersError

MOODLE = """\
First name,Surname,ID number,Email address,Group
Ada,Byron,17,ada@example.org,A
Mary Anne,,18,,"B
C"
"""
MOODLE_COLUMNS = "'First name', 'Surname', 'ID number', 'Email address', 'Group'"


def read(text: str, options: RosterOptions | None = None) -> Roster:
    table = parse_table(text.encode(), "roster.csv", TableFormat.CSV)
    return read_roster(table, options or RosterOptions(), COLUMNS)


def problems(text: str, options: RosterOptions | None = None) -> list[str]:
    """Return each problem that prevents reading: `LOCATION: MESSAGE; HINT`."""
    with pytest.raises(InvalidAnswersError) as caught:
        read(text, options)
    return [f"{problem.answer}: {problem.message}; {problem.hint}" for problem in caught.value.problems]


def test_patterns_and_kept_columns() -> None:
    options = RosterOptions("lab1-{id number}", ["author={First name} {Surname}"], ["Group"])
    first, second = read(MOODLE, options).rows
    assert first.answers == {"name": "lab1-17", "author": "Ada Byron", "email": "ada@example.org"}
    assert second.answers == {"name": "lab1-18", "author": "Mary Anne"}
    assert (first.line, second.line) == (2, 3)
    assert first.more == {"ID number": "17", "Group": "A"}
    assert second.more == {"ID number": "18", "Group": "B C"}
    assert read(MOODLE, replace(options, keep=["*"])).rows[0].more == {"ID number": "17", "Group": "A"}


def test_names_of_columns() -> None:
    (row,) = read("NAME,Licence,E-mail,Description\nlab-1,MIT,ada@x.org,A lab\n").rows
    assert row.answers == {"name": "lab-1", "license": "MIT", "email": "ada@x.org", "description": "A lab"}


def test_rows_without_a_name_are_problems() -> None:
    roster = read("name,owner\nlab-1,acme\n,acme\nlab-3\n")
    assert [row.line for row in roster.rows] == [2]
    assert [problem.answer for problem in roster.problems] == [
        "roster.csv, line 4",
        "roster.csv, line 3, column 'name'",
    ]


def test_unused_columns() -> None:
    misspelt, unknown = problems("name,licens,Points\nlab-1,MIT,3\n")
    assert misspelt.startswith("roster.csv, column 'licens': ")
    for option in ("did you mean license?", "--keep 'licens'", "--keep '*'", "--column ANSWER='licens'"):
        assert option in misspelt
    assert unknown.startswith("roster.csv, column 'Points': ") and "did you mean" not in unknown


@pytest.mark.parametrize(
    ("options", "location", "facts"),
    [
        (RosterOptions(), "roster.csv", ("'name'", "--name-pattern 'lab1-{COLUMN}'", MOODLE_COLUMNS)),
        (RosterOptions("lab1"), "--name-pattern", ("'lab1'", "'lab1-{id}'", MOODLE_COLUMNS)),
        (RosterOptions("lab1-{id}"), "--name-pattern", ("'id'", MOODLE_COLUMNS)),
        (RosterOptions("{ID number}-{"), "--name-pattern", ("'{ID number}-{'", "brace")),
        (RosterOptions("{ID number}", ["autor=Surname"]), "--column", ("'autor=Surname'", "ANSWER=COLUMN", "email")),
        (RosterOptions("{ID number}", ["author"]), "--column", ("'author'", "ANSWER=COLUMN")),
        (RosterOptions("{ID number}", ["author=Name"]), "--column", ("'Name'", MOODLE_COLUMNS)),
        (RosterOptions("{ID number}", keep=["Class"]), "--keep", ("'Class'", MOODLE_COLUMNS)),
    ],
)
def test_invalid_options(options: RosterOptions, location: str, facts: tuple[str, ...]) -> None:
    (problem,) = problems(MOODLE, options)
    assert problem.startswith(f"{location}: ")
    assert [fact for fact in facts if fact not in problem] == [], problem


def test_kept_column_cannot_have_the_name_of_an_index_column() -> None:
    (problem,) = problems("name,status\nlab-1,ok\n", RosterOptions(keep=["status"]))
    assert problem.startswith("--keep: index.csv ") and "'status'" in problem


def test_kept_columns_are_not_repeated() -> None:
    text = "Name,Email address,Full name,description\nlab-1,a@x.org,Ada,A lab\n"
    keep = ["name", "email_address", "Full name", "description"]
    (row,) = read(text, RosterOptions(columns=["author=Full name"], keep=keep)).rows
    assert row.more == {"Full name": "Ada", "description": "A lab"}
    assert row.answers["author"] == "Ada"
