# SPDX-License-Identifier: BSD-2-Clause
"""The plan of a course: answers and their defaults, existing repositories, and a problem for each invalid cell."""

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from scaffold.course.entry import Entry, EntryStatus
from scaffold.course.index import COLUMNS, read_index, write_index
from scaffold.course.make import entries_of
from scaffold.course.plan import Course, plan_course
from scaffold.course.roster import RosterOptions, read_roster
from scaffold.course.table import read_table
from scaffold.errors import InvalidAnswersError, UsageError
from scaffold.project.catalog import load_catalog
from scaffold.project.request import ProjectRequest

CATALOG = load_catalog()
FIRST = next(iter(CATALOG))
OWN = {answer: framework.name for framework in CATALOG.values() for answer in framework.own_answers}


def plan(tmp_path: Path, text: str, options: RosterOptions | None = None, **common: object) -> Course:
    roster = tmp_path / "roster.csv"
    roster.write_text(text)
    request = replace(ProjectRequest(tmp_path, framework=FIRST), **common)  # type: ignore[arg-type]
    rows = read_roster(read_table(roster), options or RosterOptions(), COLUMNS)
    return plan_course(rows, tmp_path / "course", request, CATALOG)


def problems(tmp_path: Path, text: str, options: RosterOptions | None = None, **common: object) -> list[str]:
    """Return each problem that prevents the plan: `LOCATION: MESSAGE; HINT`, with paths relative to `tmp_path`."""
    with pytest.raises(InvalidAnswersError) as caught:
        plan(tmp_path, text, options, **common)
    return [
        f"{problem.answer}: {problem.message}; {problem.hint}".replace(f"{tmp_path}/", "")
        for problem in caught.value.problems
    ]


def test_cells_precede_options_and_options_precede_defaults(tmp_path: Path) -> None:
    rows = f"name,framework,Licence,E-mail,owner\nlab-1,,MIT,ada@x.org,\nlab-2,{list(CATALOG)[-1]},,,acme\n"
    course = plan(tmp_path, rows, license="Apache-2.0", author="Staff", description="Lab 1")
    projects = [repository.plan.project for repository in course.repositories]
    assert [project.framework for project in projects] == [FIRST, list(CATALOG)[-1]]
    assert [project.license for project in projects] == ["MIT", "Apache-2.0"]
    assert [project.owner for project in projects] == ["", "acme"]
    assert [project.author for project in projects] == ["Staff", "Staff"]
    assert [project.email for project in projects] == ["ada@x.org", "ada@example.org"]
    assert [project.description for project in projects] == ["Lab 1", "Lab 1"]


def test_thousand_rows(tmp_path: Path) -> None:
    course = plan(tmp_path, "name\n" + "".join(f"lab-{number}\n" for number in range(1000)))
    write_index(tmp_path, entries_of(course, {}), course.lang)
    entries = read_index(tmp_path)
    assert [(entry.row, entry.name) for entry in entries] == [(n + 2, f"lab-{n}") for n in range(1000)]
    assert {entry.status for entry in entries} == {EntryStatus.MISSING}


def test_author_and_email_are_the_same_persons(tmp_path: Path) -> None:
    rows = "name,author,email\na,Eve,\nb,,eve@x.org\nc,,\n"

    def people(**options: str) -> list[tuple[str, str]]:
        projects = [repository.plan.project for repository in plan(tmp_path, rows, None, **options).repositories]
        return [(project.author, project.email) for project in projects]

    assert people() == [("Eve", ""), ("", "eve@x.org"), ("Ada Lovelace", "ada@example.org")]
    assert people(email="staff@x.org")[0] == ("Eve", "staff@x.org")


def test_each_invalid_cell_has_a_problem_with_its_line_and_column(tmp_path: Path) -> None:
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
    found = problems(tmp_path, "\n".join(rows))
    assert [problem.partition(": ")[0].removeprefix("roster.csv, ") for problem in found] == [
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
    assert "empty" in found[1]
    assert "'=1+1'" in found[7]
    assert "'good'" in found[8] and "line 2" in found[8] and "case" not in found[8]
    assert "'GOOD2'" in found[9] and "'good2' in line 4" in found[9] and "case" in found[9]


@pytest.mark.parametrize("name", ["../lab-1", "a/b", "/tmp/lab-1", "lab-1/", "..", ".", "-o", "lab 1", "김", "x" * 300])
def test_invalid_names(tmp_path: Path, name: str) -> None:
    (problem,) = problems(tmp_path, f"name\n{name}\n")
    assert problem.startswith("roster.csv, line 2, column 'name': ") and repr(name) in problem


def test_invalid_option_is_reported_once(tmp_path: Path) -> None:
    rows = "name,author\n" + "".join(f"lab-{number},x\n" for number in range(5))
    found = problems(tmp_path, rows, license="WTFPL", owner="-")
    assert [problem.partition(":")[0] for problem in found] == ["--license", "--owner"]


def test_missing_framework(tmp_path: Path) -> None:
    (problem,) = problems(tmp_path, "name,framework\nlab-1,\n", framework=None)
    assert problem.startswith("roster.csv, line 2, column 'framework': the framework is missing; ")
    assert f"--framework {'|'.join(CATALOG)}" in problem
    found = problems(tmp_path, "name\nlab-1\nlab-2\n", framework=None)
    assert [problem.partition("; ")[0] for problem in found] == [
        f"roster.csv, line {line}: the framework is missing" for line in (2, 3)
    ]


@pytest.mark.parametrize(("answer", "framework"), OWN.items())
def test_answer_of_another_framework_is_invalid_only_in_its_own_cell(
    tmp_path: Path, answer: str, framework: str
) -> None:
    other = next(name for name, known in CATALOG.items() if answer not in known.own_answers)
    rows = f"name,framework\nlab-1,{framework}\nlab-2,{other}\n"
    pattern = RosterOptions(columns=[f"{answer}=example.com/x/{{name}}"])
    course = plan(tmp_path, rows, pattern)
    assert [getattr(repository.plan.project, answer) for repository in course.repositories] == [
        "example.com/x/lab-1",
        "",
    ]
    cells = f"name,framework,{answer}\nlab-1,{framework},\nlab-2,{other},example.com/x\n"
    (problem,) = problems(tmp_path, cells)
    assert problem.startswith(f"roster.csv, line 3, column '{answer}': ")


def test_existing_files_that_are_no_projects(tmp_path: Path) -> None:
    course = tmp_path / "course"
    (course / "taken").mkdir(parents=True)
    (course / "taken/file").touch()
    (course / "file").touch()
    (course / "link").symlink_to(tmp_path)
    (course / "empty").mkdir()
    rows = "name\ntaken\nfile\nlink\nempty\nfree\n"
    found = problems(tmp_path, rows)
    assert [problem.partition(": ")[0] for problem in found] == [
        f"roster.csv, line {line}, column 'name'" for line in (2, 3, 4)
    ]
    assert "course/taken " in found[0] and "not empty" in found[0] and "choose another name" in found[0]
    assert sorted(os.listdir(course)) == ["empty", "file", "link", "taken"]


def test_output_directory_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "course").write_text("a file")
    (problem,) = problems(tmp_path, "name\na\nb\n")
    assert problem.startswith("DIR: course is not a directory; ")


@pytest.mark.parametrize(
    "record",
    ['{"answers": {}}', "[]", "", '{"answers": []}', "[" * 9000, '{"answers": {"name": "x"}}', None],
    ids=["no answers", "list", "empty", "list of answers", "deep", "valid", "named pipe"],
)
def test_existing_project_needs_a_valid_record(tmp_path: Path, record: str | None) -> None:
    directory = tmp_path / "course/lab-1"
    directory.mkdir(parents=True)
    if record is None:
        os.mkfifo(directory / ".ebpf-new.json")
    else:
        (directory / ".ebpf-new.json").write_text(record)
    if record and "name" in record:
        assert plan(tmp_path, "name\nlab-1\n").repositories[0].is_kept
    else:
        assert len(problems(tmp_path, "name\nlab-1\n")) == 1


def test_existing_repository_keeps_its_framework(tmp_path: Path) -> None:
    """The roster can name another framework by now. The record can too, because the student can edit it."""
    other = list(CATALOG)[-1]
    directory = tmp_path / "course/lab-1"
    directory.mkdir(parents=True)
    record = directory / ".ebpf-new.json"
    for recorded, expected in ((other, other), ("=1,2", FIRST)):
        record.write_text(json.dumps({"answers": {"framework": recorded, "program": "tracepoint"}}))
        (repository,) = plan(tmp_path, "name\nlab-1\n").repositories
        assert (repository.framework, repository.program) == (expected, CATALOG[expected].programs[0].name)
    entry = Entry(2, "lab-1", other, "tracepoint", "lab-1", "", "", "", "", EntryStatus.MADE)
    write_index(tmp_path / "course", [entry], "en")
    (repository,) = plan(tmp_path, "name\nlab-1\n").repositories
    assert repository.framework == other


def test_damaged_index_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "course").mkdir()
    (tmp_path / "course/index.csv").write_text("name\n")
    with pytest.raises(UsageError, match=r"index\.csv: column 'row' is missing"):
        plan(tmp_path, "name\nlab-1\n")
