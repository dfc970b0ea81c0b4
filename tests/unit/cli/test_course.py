# SPDX-License-Identifier: BSD-2-Clause
"""`ebpf-new course`: its output. tests/render/test_course.py creates repositories."""

import json
from pathlib import Path

import pytest

from scaffold.cli.course import CourseProgress
from scaffold.course.plan import Course, plan_course
from scaffold.course.roster import RosterOptions, read_roster
from scaffold.course.table import read_table
from scaffold.errors import UsageError
from scaffold.project.catalog import load_catalog
from scaffold.project.request import ProjectRequest
from tests.conftest import Command

CATALOG = load_catalog()
FIRST = next(iter(CATALOG))


@pytest.fixture
def roster(tmp_path: Path) -> Path:
    path = tmp_path / "roster.csv"
    path.write_text("name\nada\neve\n")
    return path


@pytest.fixture
def course(tmp_path: Path, roster: Path) -> Course:
    rows = read_roster(read_table(roster, None, None), RosterOptions(None, (), ()))
    return plan_course(rows, tmp_path / "labs", ProjectRequest(tmp_path / "labs", FIRST, git=False), CATALOG)


def test_dry_run_lists_the_repositories(ebpf_new: Command, tmp_path: Path, roster: Path) -> None:
    arguments = ("course", "new", str(roster), "-o", "labs", "-f", FIRST, "--dry-run")
    ada, eve, summary = ebpf_new(*arguments).stdout.splitlines()
    assert ada.startswith(f"ada ({FIRST})") and eve.startswith(f"eve ({FIRST})")
    assert "2 repositories" in summary and str(tmp_path / "labs") in summary
    planned = json.loads(ebpf_new(*arguments, "--json").stdout)
    assert (planned["counts"], planned["dry_run"], planned["updates"]) == ({"missing": 2}, True, [])
    assert [entry["status"] for entry in planned["repositories"]] == ["missing", "missing"]
    assert not (tmp_path / "labs").exists()


def test_invalid_rows_are_reported_with_their_lines(ebpf_new: Command, roster: Path) -> None:
    roster.write_text("name\n1a\n2b\n")
    done = ebpf_new("course", "new", str(roster), "-o", "labs", "-f", FIRST)
    assert (done.returncode, done.stdout) == (2, "")
    first, *lines = done.stderr.splitlines()
    assert first.startswith("error: 2 ")
    assert [line.partition(":")[0] for line in lines] == [f"  {roster}, line {n}, column 'name'" for n in (2, 3)]


def test_interrupted_work_is_noted(course: Course, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(KeyboardInterrupt), CourseProgress(course) as progress:
        progress.advance(course.repositories[0])
        raise KeyboardInterrupt
    assert "1 of 2" in capsys.readouterr().err


def test_error_before_the_first_repository_needs_no_note(course: Course, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(UsageError), CourseProgress(course):
        raise UsageError("the course is locked")
    assert capsys.readouterr().err == ""


def test_check_of_a_directory_that_does_not_exist(ebpf_new: Command) -> None:
    done = ebpf_new("course", "check", "gone")
    assert done.returncode == 2
    assert "gone" in done.stderr
