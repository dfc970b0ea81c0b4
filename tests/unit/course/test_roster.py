# SPDX-License-Identifier: BSD-2-Clause
"""What the rows of a roster come to: columns, patterns, defaults, and every mistake with its line."""

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from scaffold.course.entry import Entry, EntryStatus
from scaffold.course.index import COLUMNS, write_index
from scaffold.course.plan import Course, plan_course
from scaffold.course.roster import RosterOptions, read_roster
from scaffold.course.table import read_table
from scaffold.errors import InvalidAnswersError, UsageError
from scaffold.project.request import ProjectRequest
from tests.render.trees import CATALOG

FIRST = next(iter(CATALOG))
OWN = {answer: framework.name for framework in CATALOG.values() for answer in framework.own_answers}
MOODLE = """\
First name,Surname,ID number,Email address,Group
Ada,Byron,17,ada@example.org,A
Mary Anne,,18,,"B
C"
"""


def plan(tmp_path: Path, text: str, reading: RosterOptions | None = None, **common: object) -> Course:
    roster = tmp_path / "roster.csv"
    roster.write_text(text)
    request = replace(ProjectRequest(tmp_path, framework=FIRST), **common)  # type: ignore[arg-type]
    read = read_roster(read_table(roster), reading or RosterOptions(), COLUMNS)
    return plan_course(read, tmp_path / "course", request, CATALOG)


def refused(tmp_path: Path, text: str, reading: RosterOptions | None = None, **common: object) -> list[str]:
    with pytest.raises(InvalidAnswersError) as refusal:
        plan(tmp_path, text, reading, **common)
    return [f"{each.answer}: {each.message}".replace(f"{tmp_path}/", "") for each in refusal.value.problems]


def test_answers_are_cells_then_options_then_defaults(tmp_path: Path) -> None:
    rows = f"name,framework,Licence,E-mail,owner\nlab-1,,MIT,ada@x.org,\nlab-2,{list(CATALOG)[-1]},,,acme\n"
    course = plan(tmp_path, rows, license="Apache-2.0", author="Staff", description="Lab 1")
    projects = [each.plan.project for each in course.repositories]
    assert [each.framework for each in projects] == [FIRST, list(CATALOG)[-1]]
    assert [each.license for each in projects] == ["MIT", "Apache-2.0"]
    assert [each.owner for each in projects] == ["", "acme"]
    assert [each.author for each in projects] == ["Staff", "Staff"]
    assert [each.email for each in projects] == ["ada@x.org", "ada@example.org"]
    assert [each.description for each in projects] == ["Lab 1", "Lab 1"]


def test_a_roster_of_a_learning_platform(tmp_path: Path) -> None:
    reading = RosterOptions("lab1-{id number}", ["author={First name} {Surname}"], ["Group"])
    first, second = plan(tmp_path, MOODLE, reading).repositories
    assert (first.plan.project.name, second.plan.project.name) == ("lab1-17", "lab1-18")
    assert (first.plan.project.author, second.plan.project.author) == ("Ada Byron", "Mary Anne")
    assert (first.plan.project.email, second.plan.project.email) == ("ada@example.org", "")
    assert (first.line, second.line) == (2, 3)
    assert first.more == {"ID number": "17", "Group": "A"}
    assert second.more == {"ID number": "18", "Group": "B C"}
    rest = replace(reading, keep=["*"])
    assert plan(tmp_path, MOODLE, rest).repositories[0].more == {"ID number": "17", "Group": "A"}


def test_nobody_is_half_a_student_and_half_the_teacher(tmp_path: Path) -> None:
    rows = "name,author,email\na,Eve,\nb,,eve@x.org\nc,,\n"

    def people(**options: str) -> list[tuple[str, str]]:
        projects = [each.plan.project for each in plan(tmp_path, rows, None, **options).repositories]
        return [(project.author, project.email) for project in projects]

    assert people() == [("Eve", ""), ("", "eve@x.org"), ("Ada Lovelace", "ada@example.org")]
    assert people(email="staff@x.org")[0] == ("Eve", "staff@x.org")


def test_columns_that_nothing_uses(tmp_path: Path) -> None:
    found = refused(tmp_path, "name,licens,Points\nlab-1,MIT,3\n")
    assert [line.partition("; ")[0] for line in found] == [
        "roster.csv, column 'licens': nothing uses it",
        "roster.csv, column 'Points': nothing uses it",
    ]
    assert "did you mean license? --keep 'licens' carries it over" in found[0]


@pytest.mark.parametrize(
    ("reading", "said"),
    [
        (
            RosterOptions(),
            "no column is called name, so the names are to be made of others: --name-pattern 'lab1-{COLUMN}'",
        ),
        (RosterOptions("lab1"), "--name-pattern: 'lab1' names no column, as in 'lab1-{id}'; there are 'First name', "),
        (
            RosterOptions("lab1-{id}"),
            "--name-pattern: there is no column 'id'; there are 'First name', 'Surname', 'ID num",
        ),
        (RosterOptions("{ID number}-{"), "--name-pattern: '{ID number}-{' has a brace without its like"),
        (RosterOptions("{ID number}", ["autor=Surname"]), "--column: 'autor=Surname' is not ANSWER=COLUMN"),
        (RosterOptions("{ID number}", ["author"]), "--column: 'author' is not ANSWER=COLUMN"),
        (RosterOptions("{ID number}", ["author=Name"]), "--column: there is no column 'Name'"),
        (RosterOptions("{ID number}", keep=["Class"]), "--keep: there is no column 'Class'"),
    ],
)
def test_how_columns_are_named_wrongly(tmp_path: Path, reading: RosterOptions, said: str) -> None:
    assert any(said in line for line in refused(tmp_path, MOODLE, reading))


def test_a_column_of_the_index_cannot_be_carried_over(tmp_path: Path) -> None:
    found = refused(tmp_path, "name,status\nlab-1,ok\n", RosterOptions(keep=["status"]))
    assert found == ["--keep: index.csv has a column 'status' of its own; rename that of the roster"]


def test_what_is_carried_over_comes_once(tmp_path: Path) -> None:
    text = "Name,Email address,Full name,description\nlab-1,a@x.org,Ada,A lab\n"
    keep = ["name", "email_address", "Full name", "description"]
    (repository,) = plan(tmp_path, text, RosterOptions(columns=["author=Full name"], keep=keep)).repositories
    assert repository.more == {"Full name": "Ada", "description": "A lab"}
    assert repository.plan.project.author == "Ada"


def test_every_bad_cell_has_its_line_and_column(tmp_path: Path) -> None:
    rows = [
        "name,framework,licence,author,owner,email",
        'good,,,"=HYPERLINK(""http://x"")",,',
        "9lives,,,,,",
        "good2,basic,WTFPL,,,",
        'good3,,,"Ada\n',
        'Byron",-x-,',
        "=1+1,,,,,@home",
        ",,,,,me@x",
        "good,,,,,",
        "GOOD2,,,,,",
        "good4,,",
    ]
    found = refused(tmp_path, "\n".join(rows))
    places = [line.partition(": ")[0].removeprefix("roster.csv, ") for line in found]
    assert places == [
        "line 12",
        "line 9, column 'name'",
        "line 3, column 'name'",
        "line 4, column 'framework'",
        "line 4, column 'licence'",
        "line 5, column 'author'",
        "line 5, column 'owner'",
        "line 8, column 'name'",
        "line 10, column 'name'",
        "line 11, column 'name'",
    ]
    assert found[1].endswith("it is empty")
    assert "'=1+1' has '=', '+'; allowed is a letter" in found[7]
    assert found[8].endswith("'good' is the name in line 2")
    assert "'GOOD2' is the name in line 4, but for capitals, which GitHub" in found[9]


@pytest.mark.parametrize("name", ["../lab-1", "a/b", "/tmp/lab-1", "lab-1/", "..", ".", "-o", "lab 1", "김", "x" * 300])
def test_a_name_is_no_path_and_no_option(tmp_path: Path, name: str) -> None:
    (found,) = refused(tmp_path, f"name\n{name}\n")
    assert found.startswith(f"roster.csv, line 2, column 'name': {name!r} ")


def test_what_an_option_says_wrong_is_told_once(tmp_path: Path) -> None:
    rows = "name,author\n" + "".join(f"lab-{number},x\n" for number in range(5))
    found = refused(tmp_path, rows, license="WTFPL", owner="-")
    assert [line.partition(":")[0] for line in found] == ["--license", "--owner"]


def test_no_framework(tmp_path: Path) -> None:
    found = refused(tmp_path, "name,framework\nlab-1,\n", framework=None)
    assert found[0].startswith("roster.csv, line 2, column 'framework': it is missing, and --framework gives no other")
    found = refused(tmp_path, "name\nlab-1\nlab-2\n", framework=None)
    assert [line.partition(": ")[2][:13] for line in found] == ["it is missing", "it is missing"]


@pytest.mark.parametrize(("answer", "framework"), OWN.items())
def test_an_answer_of_one_framework(tmp_path: Path, answer: str, framework: str) -> None:
    other = next(name for name, each in CATALOG.items() if answer not in each.own_answers)
    rows = f"name,framework\nlab-1,{framework}\nlab-2,{other}\n"
    pattern = RosterOptions(columns=[f"{answer}=example.com/x/{{name}}"])
    course = plan(tmp_path, rows, pattern)
    assert [getattr(each.plan.project, answer) for each in course.repositories] == ["example.com/x/lab-1", ""]
    cells = f"name,framework,{answer}\nlab-1,{framework},\nlab-2,{other},example.com/x\n"
    (found,) = refused(tmp_path, cells)
    assert found.startswith(f"roster.csv, line 3, column '{answer}': ")


def test_what_is_in_the_way(tmp_path: Path) -> None:
    course = tmp_path / "course"
    (course / "taken").mkdir(parents=True)
    (course / "taken/file").touch()
    (course / "file").touch()
    (course / "link").symlink_to(tmp_path)
    (course / "empty").mkdir()
    rows = "name\ntaken\nfile\nlink\nempty\nfree\n"
    found = refused(tmp_path, rows)
    assert [line.partition(": ")[0] for line in found] == [
        f"roster.csv, line {line}, column 'name'" for line in (2, 3, 4)
    ]
    assert "exists and is not empty; it is left as it is; choose another name, or move it away" in found[0]
    assert sorted(os.listdir(course)) == ["empty", "file", "link", "taken"]


def test_a_place_for_the_course(tmp_path: Path) -> None:
    (tmp_path / "course").write_text("a file")
    assert refused(tmp_path, "name\na\nb\n") == [
        "DIR: course is not a directory; choose another DIR",
    ]


@pytest.mark.parametrize(
    "record", ['{"answers": {}}', "[]", "", '{"answers": []}', "[" * 9000, '{"answers": {"name": "x"}}', None]
)
def test_what_counts_as_a_project(tmp_path: Path, record: str | None) -> None:
    place = tmp_path / "course/lab-1"
    place.mkdir(parents=True)
    if record is None:
        os.mkfifo(place / ".ebpf-new.json")
    else:
        (place / ".ebpf-new.json").write_text(record)
    if record and "name" in record:
        assert plan(tmp_path, "name\nlab-1\n").repositories[0].is_kept
    else:
        assert len(refused(tmp_path, "name\nlab-1\n")) == 1


def test_what_is_there_is_listed_as_it_was_made(tmp_path: Path) -> None:
    """The roster may say something else by now, and so may the repository: its user can write there."""
    other = list(CATALOG)[-1]
    place = tmp_path / "course/lab-1"
    place.mkdir(parents=True)
    record = place / ".ebpf-new.json"
    for said, found in ((other, other), ("=1,2", FIRST)):
        record.write_text(json.dumps({"answers": {"framework": said, "program": "tracepoint"}}))
        (repository,) = plan(tmp_path, "name\nlab-1\n").repositories
        assert (repository.framework, repository.program) == (found, CATALOG[found].programs[0].name)
    entry = Entry(2, "lab-1", other, "tracepoint", "lab-1", "", "", "", "", EntryStatus.MADE)
    write_index(tmp_path / "course", [entry], "en")
    (repository,) = plan(tmp_path, "name\nlab-1\n").repositories
    assert repository.framework == other


def test_a_damaged_index_is_no_reason_to_forget_what_it_had(tmp_path: Path) -> None:
    (tmp_path / "course").mkdir()
    (tmp_path / "course/index.csv").write_text("name\n")
    with pytest.raises(UsageError, match="index.csv: column 'row' is missing"):
        plan(tmp_path, "name\nlab-1\n")
