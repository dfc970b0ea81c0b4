# SPDX-License-Identifier: BSD-2-Clause
"""What becomes of each file, by what the user and the new templates did with it: the table of docs/update.md."""

import os
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from scaffold.errors import InvalidAnswersError, UsageError
from scaffold.project.record import RECORD
from scaffold.update.checkout import find_checkout
from scaffold.update.merge import ChangeKind, MergeResult, Resolution, UnmergedFile
from scaffold.update.update import FileStatus, Mode, UpdateResult, explain_kept, parse_answers, update_tree
from tests.conftest import git

Files = Mapping[str, str | None]  # the text of each file; None removes the file

LINES = [f"line {number}\n" for number in range(20)]


def text(**changed: str) -> str:
    """Return the lines of the base with some changed: `line_3="new"` replaces line 3."""
    lines = list(LINES)
    for name, line in changed.items():
        lines[int(name.removeprefix("line_"))] = f"{line}\n"
    return "".join(lines)


BASE: Files = {RECORD: '{"version": "1"}', "file": text(), "kept": "kept\n", "docs/page": text()}


@dataclass(frozen=True)
class Row:
    """A row of the table, and the files and statuses that an update must give."""

    ours: Files = field(default_factory=dict)
    theirs: Files = field(default_factory=dict)
    after: Files = field(default_factory=dict)
    changes: Mapping[str, ChangeKind] = field(default_factory=dict)
    unmerged: Mapping[str, Resolution] = field(default_factory=dict)


TABLE = {
    "both changed other lines": Row(
        {"file": text(line_3="mine")},
        {"file": text(line_12="new")},
        {"file": text(line_3="mine", line_12="new")},
        {"file": ChangeKind.CHANGED},
    ),
    "both changed the same line": Row(
        {"file": text(line_3="mine")},
        {"file": text(line_3="new")},
        {"file": text(line_3="<<<<<<< yours\nmine\n=======\nnew\n>>>>>>> ebpf-new-2.0")},
        {"file": ChangeKind.CHANGED},
        {"file": Resolution.CONFLICT},
    ),
    "user changed, templates dropped": Row(
        {"file": text(line_3="mine")},
        {"file": None},
        {"file": text(line_3="mine")},
        {},
        {"file": Resolution.STAYS},
    ),
    "templates dropped": Row({}, {"file": None}, {"file": None}, {"file": ChangeKind.REMOVED}),
    "user deleted, templates changed": Row(
        {"file": None}, {"file": text(line_3="new")}, {"file": None}, {}, {"file": Resolution.STAYS_DELETED}
    ),
    "user renamed, templates changed": Row(
        {"file": None, "mine": text()},
        {"file": text(line_3="new")},
        {"file": None, "mine": text(line_3="new")},
        {"mine": ChangeKind.CHANGED},
    ),
    "user changed, templates renamed": Row(
        {"file": text(line_3="mine")},
        {"file": None, "new": text()},
        {"file": None, "new": text(line_3="mine")},
        {"file": ChangeKind.REMOVED, "new": ChangeKind.ADDED},
    ),
    "both added": Row(
        {"new": "mine\n"},
        {"new": "theirs\n"},
        {"new": "<<<<<<< yours\nmine\n=======\ntheirs\n>>>>>>> ebpf-new-2.0\n"},
        {"new": ChangeKind.CHANGED},
        {"new": Resolution.CONFLICT},
    ),
    "user renamed the directory, templates added a file": Row(
        {"docs/page": None, "manual/page": text()},
        {"docs/new": "new\n"},
        {"docs/page": None, "manual/page": text(), "docs/new": "new\n"},
        {"docs/new": ChangeKind.ADDED},
    ),
    "user added": Row({"mine": "mine\n"}, {}, {"mine": "mine\n"}),
    "templates added": Row({}, {"new/file": "new\n"}, {"new/file": "new\n"}, {"new/file": ChangeKind.ADDED}),
    "user replaced the directory, templates changed": Row(
        {"docs/page": None, "docs": "mine\n"},
        {"docs/page": text(line_3="new"), "docs/other": "new\n"},
        {"docs": "mine\n"},
        {},
        {"docs/page": Resolution.STAYS_DELETED, "docs/other": Resolution.STAYS_DELETED},
    ),
}  # fmt: skip


def write_files(root: Path, files: Files) -> Path:
    for name, content in files.items():
        path = root / name
        if content is None:
            path.unlink()
            if path.parent != root and not any(path.parent.iterdir()):
                path.parent.rmdir()
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)
    return root


def read_files(root: Path) -> dict[str, str]:
    return {
        os.path.relpath(os.path.join(parent, name), root): Path(parent, name).read_text()
        for parent, _, names in os.walk(root)
        for name in names
        if ".git" not in Path(parent).relative_to(root).parts
    }


def commit_project(directory: Path, ours: Files) -> Path:
    """Commit BASE with the edits `ours` in a new repository in `directory`."""
    root = write_files(write_files(directory / "project", BASE), ours)
    git(root, "init", "--quiet")
    commit_all(root)
    return root


def commit_all(repository: Path) -> None:
    git(repository, "add", "--all")
    git(repository, "commit", "--quiet", "--message", "Mine")


def update_project(
    project: Path,
    theirs: Files,
    mode: Mode = Mode.WRITE,
    executable: Sequence[str] = (),
    has_same_answers: bool = False,
) -> MergeResult:
    """Update the project from BASE to BASE with the changes `theirs` and the files `executable` made executable."""
    with tempfile.TemporaryDirectory() as directory:
        base = write_files(Path(directory, "base"), BASE)
        new = write_files(write_files(Path(directory, "theirs"), BASE), theirs)
        for name in executable:
            (new / name).chmod(0o755)
        return update_tree(find_checkout(project), base, new, "2.0", Path(directory), mode, has_same_answers)


@pytest.mark.parametrize("row", TABLE.values(), ids=TABLE)
def test_what_becomes_of_a_file(tmp_path: Path, row: Row) -> None:
    project = commit_project(tmp_path, row.ours)
    result = update_project(project, row.theirs)
    untouched = {name: content for name, content in BASE.items() if name not in {**row.ours, **row.theirs}}
    expected = {**untouched, **{name: content for name, content in row.after.items() if content is not None}}
    assert read_files(project) == expected
    assert {change.path: change.kind for change in result.changes} == row.changes
    assert {file.path: file.resolution for file in result.unmerged} == row.unmerged
    conflicts = {path for path, resolution in row.unmerged.items() if resolution is Resolution.CONFLICT}
    assert set(git(project, "diff", "--name-only", "--diff-filter=U").splitlines()) == conflicts == set(result.stages)


def test_conflicts_are_unmerged_files_of_git(tmp_path: Path) -> None:
    ours, theirs = {"file": text(line_3="mine"), "new": "mine\n"}, {"file": text(line_3="theirs"), "new": "theirs\n"}
    project = commit_project(tmp_path, ours)
    result = update_project(project, {**theirs, "other": "new\n"})
    assert {path: set(stages) for path, stages in result.stages.items()} == {"file": {1, 2, 3}, "new": {2, 3}}
    assert git(project, "status", "--porcelain").splitlines() == ["UU file", "AA new", "A  other"]
    with pytest.raises(subprocess.CalledProcessError):
        git(project, "commit", "--message", "Too early")
    git(project, "checkout", "--theirs", "file")
    git(project, "checkout", "--ours", "new")
    git(project, "add", "file", "new")
    git(project, "commit", "--quiet", "--message", "Update")
    assert read_files(project) == {**BASE, **theirs, "new": "mine\n", "other": "new\n"}


def test_a_file_that_both_sides_renamed_is_there_under_both_names(tmp_path: Path) -> None:
    ours: Files = {"file": None, "mine": text(line_3="mine")}
    project = commit_project(tmp_path, ours)
    result = update_project(project, {"file": None, "theirs": text(line_12="new")})
    assert {"mine", "theirs"} <= {file.path for file in result.unmerged if file.resolution is Resolution.CONFLICT}
    assert "mine\n" in (project / "mine").read_text()
    assert "new\n" in (project / "theirs").read_text()


def test_a_directory_that_the_user_replaced_by_a_link_stays_a_link(tmp_path: Path) -> None:
    project = commit_project(tmp_path, {"docs/page": None})
    (project / "docs").symlink_to("kept")
    commit_all(project)
    result = update_project(project, {"docs/page": text(line_3="new"), "docs/other": "new\n"})
    assert result.unmerged == (
        UnmergedFile("docs/other", Resolution.STAYS_DELETED, "file/directory"),
        UnmergedFile("docs/page", Resolution.STAYS_DELETED, "file/directory"),
    )
    assert os.readlink(project / "docs") == "kept"
    assert git(project, "status", "--porcelain") == ""


def test_a_file_and_a_directory_with_the_same_name_are_both_kept(tmp_path: Path) -> None:
    ours = {"one": "a file\n", "two/mine": "a directory\n"}
    project = commit_project(tmp_path, ours)
    result = update_project(project, {"one/theirs": "new\n", "two": "new\n"})
    assert {"a file\n", "a directory\n"} <= set(read_files(project).values())
    assert len(result.stages) == 2
    assert all(file.resolution is Resolution.CONFLICT for file in result.unmerged)


def test_a_changed_file_mode_is_merged(tmp_path: Path) -> None:
    project = commit_project(tmp_path, {})
    (project / "file").chmod(0o755)
    commit_all(project)
    update_project(project, {"file": text(line_3="new")}, executable=["kept"])
    for name in ("file", "kept"):
        assert os.access(project / name, os.X_OK)
        assert git(project, "ls-files", "--stage", name).startswith("100755")
    assert (project / "file").read_text() == text(line_3="new")


def test_new_files_have_the_line_ends_that_the_user_configured(tmp_path: Path) -> None:
    original = commit_project(tmp_path, {})
    git(tmp_path, "-c", "core.autocrlf=true", "clone", "--quiet", str(original), "clone")
    project = tmp_path / "clone"
    git(project, "config", "core.autocrlf", "true")
    assert git(project, "diff", "--stat") == ""
    result = update_project(project, {"new": "one\ntwo\n", "file": text(line_3="new")})
    assert not result.unmerged
    assert (project / "new").read_bytes() == b"one\r\ntwo\r\n"
    assert (project / "file").read_bytes() == text(line_3="new").replace("\n", "\r\n").encode()
    assert git(project, "ls-files", "--eol", "new").split()[:2] == ["i/lf", "w/crlf"]
    assert git(project, "diff", "--name-only") == ""


@pytest.mark.parametrize("mode", [Mode.CHECK, Mode.DRY_RUN])
def test_only_mode_write_changes_files(tmp_path: Path, mode: Mode) -> None:
    ours = {"kept": "mine\n"}
    project = commit_project(tmp_path, ours)
    result = update_project(project, {"file": text(line_3="new")}, mode)
    assert {change.path: change.kind for change in result.changes} == {"file": ChangeKind.CHANGED}
    assert read_files(project) == {**BASE, **ours}
    assert git(project, "status", "--porcelain") == ""


def test_an_untracked_file_is_in_the_way_except_for_a_check(tmp_path: Path) -> None:
    project = commit_project(tmp_path, {})
    (project / "new").write_text("untracked\n")
    assert update_project(project, {"new": "new\n"}, Mode.CHECK).changes
    for mode in (Mode.DRY_RUN, Mode.WRITE):
        with pytest.raises(UsageError, match="new") as caught:
            update_project(project, {"new": "new\n"}, mode)
        assert caught.value.hint
    assert (project / "new").read_text() == "untracked\n"


@pytest.mark.parametrize("has_same_answers", [True, False])
def test_a_record_that_differs_alone(tmp_path: Path, has_same_answers: bool) -> None:
    project = commit_project(tmp_path, {})
    result = update_project(project, {RECORD: '{"version": "2"}'}, has_same_answers=has_same_answers)
    assert bool(result.changes) is not has_same_answers


@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize("what", [None, ChangeKind.CHANGED, Resolution.CONFLICT])
def test_the_exit_code(mode: Mode, what: ChangeKind | Resolution | None) -> None:
    files = (FileStatus("file", what),) if what else ()
    result = UpdateResult(Path(), True, "hello", "1.0", "2.0", files, (), {}, mode)
    failures: list[tuple[Mode, ChangeKind | Resolution | None]] = [
        (Mode.CHECK, ChangeKind.CHANGED),
        (Mode.CHECK, Resolution.CONFLICT),
        (Mode.WRITE, Resolution.CONFLICT),
    ]
    assert result.exit_code == int((mode, what) in failures)


@pytest.mark.parametrize(
    ("resolution", "why", "fact"),
    [
        (Resolution.STAYS, "modify/delete", "you changed it"),
        (Resolution.STAYS_DELETED, "modify/delete", "you deleted it"),
        (Resolution.STAYS_DELETED, "file/directory", "directory"),
    ],
)
def test_the_reason_why_a_file_is_kept(resolution: Resolution, why: str, fact: str) -> None:
    assert fact in explain_kept(UnmergedFile("file", resolution, why))


def test_parse_answers() -> None:
    assert parse_answers(["license=MIT", "description=a=b", "owner="]) == {
        "license": "MIT",
        "description": "a=b",
        "owner": "",
    }
    with pytest.raises(InvalidAnswersError) as caught:
        parse_answers(["license", "=MIT", "owner=ada"])
    assert [problem.answer for problem in caught.value.problems] == ["--answer", "--answer"]
    for problem, argument in zip(caught.value.problems, ["'license'", "'=MIT'"], strict=True):
        assert argument in problem.message and "KEY=VALUE" in problem.message and "--answer" in problem.hint
