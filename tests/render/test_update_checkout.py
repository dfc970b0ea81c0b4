# SPDX-License-Identifier: BSD-2-Clause
"""The states of a project and of its repository in which an update works, and those in which it is refused."""

import os
import re
import shutil
from pathlib import Path

import pytest

import scaffold.update.checkout
from scaffold.errors import EbpfNewError, GitError, InvalidAnswersError, UnavailableError, UsageError
from scaffold.generate.export import export, plan_exports
from scaffold.project.catalog import load_catalog
from scaffold.project.request import ProjectRequest
from scaffold.update.update import Mode
from tests.conftest import git
from tests.render.histories import commit_all, create_at, template_sources, update_to
from tests.render.trees import contents


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Create a project at 1.0."""
    return create_at("1.0", tmp_path / "hello")


def check_refused(
    project: Path,
    message: str,
    hint: str = "",
    error: type[EbpfNewError] = UsageError,
    version: str = "2.0",
    mode: Mode = Mode.WRITE,
) -> None:
    """Check that an update raises `error`, with these patterns in message and hint, and changes no file or index."""

    def state() -> tuple[object, ...]:
        index = project / ".git/index"
        return contents(project), index.exists() and index.read_bytes(), sorted(os.listdir(project))

    before = state()
    with pytest.raises(error) as caught:
        update_to(project, version, mode)
    assert re.search(message, caught.value.message), caught.value.message
    assert re.search(hint, caught.value.hint), caught.value.hint
    assert state() == before


def test_uncommitted_changes(project: Path) -> None:
    (project / "LICENSE").write_text("mine\n")
    check_refused(project, r"uncommitted.*\(LICENSE\)", "git stash$")
    assert update_to(project, "2.0", Mode.CHECK).files  # a check compares with the commit, and writes nothing
    git(project, "add", "LICENSE")
    check_refused(project, r"\(LICENSE\)", mode=Mode.DRY_RUN)
    git(project, "reset", "--quiet", "--hard")
    for name in ("Makefile", "README.md", "flake.nix", "LICENSE", "Dockerfile", "NOTES"):
        (project / name).write_text("mine\n")
        git(project, "add", "--intent-to-add", name)
    check_refused(project, r"\(.*, .*, .*, .*, .*, and 1 more\)")


def test_an_earlier_update_that_is_not_committed(project: Path) -> None:
    update_to(project, "1.1")
    check_refused(project, r"uncommitted.*\.ebpf-new\.json")


@pytest.mark.parametrize("operation", ["merge", "cherry-pick", "revert", "rebase"])
def test_an_operation_of_git_in_progress(project: Path, operation: str) -> None:
    git(project, "branch", "other")
    for branch in ("other", "main"):
        git(project, "checkout", "--quiet", branch)
        (project / "LICENSE").write_text(f"{branch}\n")
        commit_all(project, branch)
    arguments = ["--no-edit", "HEAD~"] if operation == "revert" else ["other"]
    with pytest.raises(Exception, match=operation):
        git(project, operation, *arguments)
    git(project, "checkout", "--force", "HEAD", "--", ".")
    check_refused(project, f"a {operation} is in progress", f"git {operation} --continue.* git {operation} --abort$")


def test_a_directory_that_is_not_a_project(project: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="nowhere is not a directory"):
        update_to(tmp_path / "nowhere", "2.0")
    with pytest.raises(UsageError, match=rf"{tmp_path} is not a project .*\.ebpf-new\.json"):
        update_to(tmp_path, "2.0")
    with pytest.raises(UsageError, match=rf"ebpf-new update {project}$"):
        update_to(project / "src", "2.0")


def test_a_project_without_a_repository_or_a_commit(project: Path) -> None:
    shutil.rmtree(project / ".git")
    check_refused(project, "is not in a git repository", "git init && git add --all && git commit")
    git(project, "init", "--quiet")
    check_refused(project, "is not committed", ": git add --all && git commit")
    (project / ".git/HEAD").write_text("nonsense\n")
    check_refused(project, "is not in a git repository")


def test_a_repository_that_git_refuses_to_read(project: Path) -> None:
    os.chown(project, 12345, 12345)
    os.chown(project / ".git", 12345, 12345)
    check_refused(project, r"^git cannot work in .*dubious ownership(?s:.*)safe\.directory", error=GitError)


def test_an_older_git(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scaffold.update.checkout, "MIN_GIT_VERSION", (99, 1))
    check_refused(project, r"expected git 99\.1 or newer, got git version 2\.\d+", "upgrade git", UnavailableError)


def test_no_git(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    check_refused(project, "git is not installed", "apt-get install git$", UnavailableError)


@pytest.mark.parametrize("ignored", [False, True])
def test_an_uncommitted_file_is_not_overwritten(project: Path, ignored: bool) -> None:
    if ignored:
        (project / ".gitignore").write_text("NEWS.md\nextra\n")
        commit_all(project)
    (project / "NEWS.md").write_text("mine\n")
    (project / "build").mkdir()
    (project / "build/other").write_text("not in the way\n")
    check_refused(project, r"would overwrite .*: NEWS\.md$", "move it away, or commit it", mode=Mode.DRY_RUN)
    (project / "extra").symlink_to("build")
    check_refused(project, r"would overwrite .*: NEWS\.md, extra$")
    (project / "extra").unlink()
    (project / "NEWS.md").unlink()
    (project / "NEWS.md").mkdir()
    (project / "NEWS.md/within").touch()
    check_refused(project, "would overwrite .*: NEWS.md/within$")
    (project / "NEWS.md/within").unlink()
    (project / "NEWS.md/empty").mkdir()
    assert update_to(project, "2.0").exit_code == 0
    assert (project / "NEWS.md").is_file() and (project / "build/other").read_text() == "not in the way\n"


@pytest.mark.parametrize("flag", ["--skip-worktree", "--assume-unchanged"])
def test_a_file_that_git_does_not_compare(project: Path, flag: str) -> None:
    git(project, "update-index", flag, "Makefile", "LICENSE")
    (project / "Makefile").write_text("mine, and git does not see it\n")
    check_refused(project, f"{flag.removeprefix('--')}.*: Makefile$", "^run: git .*git update-index --no-skip-worktree")


def test_a_damaged_record(project: Path) -> None:
    record = project / ".ebpf-new.json"
    whole = record.read_text()
    for text, reason in (
        ("<<<<<<< yours", "JSONDecodeError"),
        ("[]", "TypeError"),
        ("{}", "KeyError"),
        (whole.replace('"1.0"', '"of today"'), "Invalid version: 'of today'"),
        (whole.replace('"name": "hello",', ""), "name must be a string"),
        (whole.replace('"owner": ""', '"owner": 1'), "owner must be a string"),
    ):
        record.write_text(text)
        commit_all(project)
        check_refused(project, rf"\.ebpf-new\.json is damaged: .*{reason}")


def test_a_newer_project_and_an_unknown_framework(project: Path, tmp_path: Path) -> None:
    newer = create_at("2.0", tmp_path / "newer")
    message = r"generated by ebpf-new 2\.0.* older version 1\.1"
    check_refused(newer, message, "upgrade ebpf-new", UnavailableError, version="1.1")
    record = project / ".ebpf-new.json"
    record.write_text(record.read_text().replace('"framework": "libbpf"', '"framework": "other"'))
    commit_all(project)
    check_refused(project, "framework other", r"ebpf-new 1\.0", UnavailableError)


def test_an_exported_template(tmp_path: Path) -> None:
    request = ProjectRequest(tmp_path / "all", author="Ada", email="ada@example.org")
    export(plan_exports(request.target, request, {"libbpf": load_catalog(template_sources("1.0").templates)["libbpf"]}))
    check_refused(tmp_path / "all/libbpf-starter", "libbpf-starter is an exported template", "ebpf-new export")


def test_all_invalid_answers_are_reported(project: Path) -> None:
    with pytest.raises(InvalidAnswersError) as caught:
        update_to(project, "2.0", name="a b", license="None", colour="red", framework="cilium")
    messages = {problem.answer: problem.message for problem in caught.value.problems}
    assert list(messages) == ["--answer colour", "--answer framework", "--answer name", "--answer license"]
    assert "name | program | license" in messages["--answer colour"]


def create_in_course(tmp_path: Path) -> tuple[Path, Path]:
    """Create a repository with a project of 1.0 in one of its directories, and return both paths."""
    course = tmp_path / "a course"
    project = create_at("1.0", course / 'week "1"' / "hello", with_git=False)
    (course / "notes").write_text("for the course\n")
    (course / "Makefile").write_text("all:\n")
    git(course, "init", "--quiet")
    commit_all(course)
    return course, project


def test_a_directory_of_a_larger_repository(tmp_path: Path) -> None:
    course, project = create_in_course(tmp_path)
    (project / "README.md").write_text((project / "README.md").read_text() + "Mine.\n")
    (project / "docs/guide.md").write_text((project / "docs/guide.md").read_text().replace("Line 7", "My line 7"))
    (course / ".gitattributes").write_text("*.md -text\n")
    commit_all(course)
    (course / "notes").write_text("unfinished\n")
    (course / "staged").touch()
    git(course, "add", "staged")
    others = {name: file for name, file in contents(course).items() if not name.startswith("week")}
    result = update_to(project, "2.0")
    assert [change.path for change in result.conflicts] == ["docs/guide.md"]
    assert (project / "NEWS.md").exists() and not (course / "NEWS.md").exists()
    assert (project / "README.md").read_text().endswith("Mine.\n")
    assert {name: file for name, file in contents(course).items() if not name.startswith("week")} == others
    status = git(course, "status", "--porcelain", "--no-renames", "-z").split("\0")
    assert {"M notes", "A  staged"} < {entry.strip() for entry in status}
    changed = {entry.strip().partition(" ")[2].strip() for entry in status if entry} - {"notes", "staged"}
    assert changed and all(path.startswith('week "1"/hello/') for path in changed)
    assert git(course, "diff", "--name-only", "-z", "--diff-filter=U").split("\0")[0] == 'week "1"/hello/docs/guide.md'
    assert git(course, "stash", "list") == ""


def test_uncommitted_changes_in_a_directory_of_a_larger_repository(tmp_path: Path) -> None:
    _, project = create_in_course(tmp_path)
    (project / "LICENSE").write_text("mine\n")
    check_refused(project, r"\(week \"1\"/hello/LICENSE\)")


def test_on_a_detached_head_in_a_second_work_tree(project: Path, tmp_path: Path) -> None:
    git(project, "worktree", "add", "--quiet", "--detach", str(tmp_path / "second"))
    before = contents(project), git(project, "status", "--porcelain")
    assert update_to(tmp_path / "second", "2.0").exit_code == 0
    assert git(tmp_path / "second", "diff", "--cached", "--name-only")
    assert (contents(project), git(project, "status", "--porcelain")) == before


def test_a_repository_with_sha256_behind_a_symbolic_link(tmp_path: Path) -> None:
    project = create_at("1.0", tmp_path / "hello", with_git=False)
    git(project, "init", "--quiet", "--object-format=sha256")
    commit_all(project)
    (tmp_path / "link").symlink_to(project)
    assert update_to(tmp_path / "link", "2.0").exit_code == 0
    assert not re.search(r"^.[^ ]", git(project, "status", "--porcelain"), re.MULTILINE)


def test_the_result_does_not_depend_on_the_configuration_of_git(
    project: Path, tmp_path: Path, git_config: Path
) -> None:
    guide = project / "docs/guide.md"
    guide.write_text(guide.read_text().replace("Line 7", "My line 7"))
    git(project, "mv", "docs/last.md", "last.md")
    commit_all(project)
    hook = tmp_path / "hooks/post-index-change"
    hook.parent.mkdir()
    hook.write_text("#!/bin/sh\ntouch hooked\n")
    hook.chmod(0o755)
    git_config.write_text(f"""
        [color]
            ui = always
        [core]
            hooksPath = {hook.parent}
            quotePath = false
            abbrev = 4
        [diff]
            external = /bin/false
            renames = copies
            noprefix = true
        [log]
            showSignature = true
            follow = true
        [merge]
            renames = false
            directoryRenames = true
        [fastimport]
            unpackLimit = 1
        [safe]
            bareRepository = explicit
        [status]
            branch = true
            showStash = true
            showUntrackedFiles = all
            short = true
        [init]
            templateDir = /nonexistent
            defaultBranch = yours
        """)
    result = update_to(project, "1.1")
    assert [change.path for change in result.conflicts] == ["docs/guide.md"]
    assert "The 9th line" in (project / "last.md").read_text()
    assert not (project / "hooked").exists()
    git_config.write_text("")
    git(project, "reset", "--quiet", "--hard")
    again = update_to(project, "1.1")
    assert again == result
