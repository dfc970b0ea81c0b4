# SPDX-License-Identifier: BSD-2-Clause
"""What is to be checked in a course, and by which test."""

import json
from pathlib import Path

import pytest

from scaffold.course.entry import Entry, EntryStatus
from scaffold.course.index import write_index
from scaffold.course.submissions import Submission, find_submissions
from scaffold.errors import UsageError
from scaffold.generate.create import create, plan_project
from scaffold.project.catalog import Framework, frameworks
from scaffold.project.request import ProjectRequest

MINUTE = 60.0
ENTRY = Entry(2, "ada", "libbpf", "tracepoint", "ada", "Ada", "ada@example.org", "", "", EntryStatus.MADE, {"id": "7"})


def repository(directory: Path, **answers: str) -> Path:
    (directory / "test").mkdir(parents=True)
    (directory / "test/vmtest.toml").write_text("[event]\npattern = '.'\n")
    known = {"name": "ada", "framework": "libbpf", "program": "tracepoint", "author": "Ada", "email": "", **answers}
    (directory / ".ebpf-new.json").write_text(json.dumps({"answers": known}))
    return directory


def only(course: Path, own_manifests: bool = False) -> Submission:
    (found,) = find_submissions(course, own_manifests, MINUTE)
    return found


@pytest.mark.parametrize("framework", frameworks(), ids=lambda framework: str(framework.name))
def test_the_test_is_that_of_a_fresh_project(framework: Framework, tmp_path: Path) -> None:
    request = ProjectRequest(tmp_path / "course/ada", framework.name, git=False)
    create(plan_project(request, {framework.name: framework}))
    fresh = only(tmp_path / "course", own_manifests=True)
    (tmp_path / "course/ada/test/vmtest.toml").write_text("")
    assert only(tmp_path / "course") == fresh
    assert fresh.manifest is not None and fresh.manifest.build_seconds == MINUTE


def test_the_index_counts_not_what_the_repository_says(tmp_path: Path) -> None:
    repository(tmp_path / "ada", name="other", framework="cilium")
    repository(tmp_path / "stranger")
    write_index(tmp_path, [ENTRY], "en")
    found = only(tmp_path)
    assert found.manifest is not None and found.manifest.files == ("build/ada",)
    assert (found.framework, found.author, found.more) == ("libbpf", "Ada", {"id": "7"})


def test_a_repository_that_is_gone_is_a_problem_of_its_own(tmp_path: Path) -> None:
    write_index(tmp_path, [ENTRY], "en")
    assert (only(tmp_path).missing, only(tmp_path).problem) == (True, "there is no repository")


@pytest.mark.parametrize("answers", [{"framework": "none"}, {"name": "../x"}, {"program": "none"}, {"name": "x" * 99}])
def test_answers_that_cannot_be_are_a_problem_of_their_own(answers: dict[str, str], tmp_path: Path) -> None:
    repository(tmp_path / "ada", **answers)
    found = only(tmp_path)
    assert found.problem and found.manifest is None


@pytest.mark.parametrize("text", ["", "[]", '{"answers": 1}', '{"answers": {"name": []}}', "[" * 100_000, "\0"])
def test_damaged_answers_are_a_problem_of_their_own(text: str, tmp_path: Path) -> None:
    (repository(tmp_path / "ada") / ".ebpf-new.json").write_text(text)
    assert "does not say which framework" in only(tmp_path).problem


def test_a_test_of_its_own_may_be_anything(tmp_path: Path) -> None:
    test = repository(tmp_path / "ada") / "test/vmtest.toml"
    assert "test/vmtest.toml:\n  guest.files is missing" in only(tmp_path, own_manifests=True).problem
    test.unlink()
    test.symlink_to(__file__)
    assert "test/vmtest.toml" in only(tmp_path, own_manifests=True).problem


def test_where_there_is_nothing_to_check_that_is_said(tmp_path: Path) -> None:
    (tmp_path / "notes").mkdir()
    with pytest.raises(UsageError, match="nothing is to be checked"):
        find_submissions(tmp_path, False, MINUTE)
    with pytest.raises(UsageError, match="not a directory"):
        find_submissions(tmp_path / "none", False, MINUTE)
