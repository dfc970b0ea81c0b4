# SPDX-License-Identifier: BSD-2-Clause
"""The submissions of a course, and the manifest of each."""

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
    recorded = {"name": "ada", "framework": "libbpf", "program": "tracepoint", "author": "Ada", "email": "", **answers}
    (directory / ".ebpf-new.json").write_text(json.dumps({"answers": recorded}))
    return directory


def only(course: Path, own_manifests: bool = False) -> Submission:
    (submission,) = find_submissions(course, own_manifests, MINUTE)
    return submission


@pytest.mark.parametrize("framework", frameworks(), ids=lambda framework: str(framework.name))
def test_manifest_is_the_one_of_a_new_project(framework: Framework, tmp_path: Path) -> None:
    request = ProjectRequest(tmp_path / "course/ada", framework.name, git=False)
    create(plan_project(request, {framework.name: framework}))
    fresh = only(tmp_path / "course", own_manifests=True)
    (tmp_path / "course/ada/test/vmtest.toml").write_text("")
    assert only(tmp_path / "course") == fresh
    assert fresh.manifest is not None and fresh.manifest.build_seconds == MINUTE


def test_index_precedes_the_record_in_the_repository(tmp_path: Path) -> None:
    repository(tmp_path / "ada", name="other", framework="cilium")
    repository(tmp_path / "unlisted")
    write_index(tmp_path, [ENTRY], "en")
    submission = only(tmp_path)
    assert submission.manifest is not None and submission.manifest.files == ("build/ada",)
    assert (submission.framework, submission.author, submission.more) == ("libbpf", "Ada", {"id": "7"})


def test_missing_repository(tmp_path: Path) -> None:
    write_index(tmp_path, [ENTRY], "en")
    submission = only(tmp_path)
    assert submission.is_missing and submission.problem and submission.manifest is None


@pytest.mark.parametrize("answers", [{"framework": "none"}, {"name": "../x"}, {"program": "none"}, {"name": "x" * 99}])
def test_invalid_answers(answers: dict[str, str], tmp_path: Path) -> None:
    repository(tmp_path / "ada", **answers)
    submission = only(tmp_path)
    assert submission.problem and submission.manifest is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        '{"answers": 1}',
        '{"answers": {"name": []}}',
        '{"answers": {"framework": "libbpf"}}',
        "[" * 100_000,
        "\0",
    ],
    ids=["empty", "list", "number", "no framework", "no name", "deep", "NUL"],
)
def test_damaged_record(text: str, tmp_path: Path) -> None:
    (repository(tmp_path / "ada") / ".ebpf-new.json").write_text(text)
    problem = only(tmp_path).problem
    assert ".ebpf-new.json" in problem and "framework" in problem and "--own-manifest" in problem


def test_invalid_own_manifest(tmp_path: Path) -> None:
    test = repository(tmp_path / "ada") / "test/vmtest.toml"
    problem = only(tmp_path, own_manifests=True).problem
    assert problem.startswith("test/vmtest.toml") and "guest.files" in problem
    test.unlink()
    test.symlink_to(__file__)
    assert "test/vmtest.toml" in only(tmp_path, own_manifests=True).problem


def test_directory_without_repositories(tmp_path: Path) -> None:
    (tmp_path / "notes").mkdir()
    with pytest.raises(UsageError, match=r"nothing to check: .*index\.csv.*test/vmtest\.toml"):
        find_submissions(tmp_path, False, MINUTE)
    with pytest.raises(UsageError, match="not a directory"):
        find_submissions(tmp_path / "none", False, MINUTE)
