# SPDX-License-Identifier: BSD-2-Clause
"""Where a project can be updated, and where that is refused, in a line and with everything left as it is."""

import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

import scaffold.update.checkout
from scaffold.errors import EbpfNewError, GitError, InvalidAnswersError, UnavailableError, UsageError
from scaffold.generate.export import export, plan_exports
from scaffold.project.catalog import load_catalog
from scaffold.project.request import ProjectRequest
from scaffold.update.update import Mode
from tests.conftest import git
from tests.render.histories import commit, made_at, sources, updated
from tests.render.trees import contents


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project of 1.0."""
    return made_at("1.0", tmp_path / "hello")


def left_as_it_was(project: Path, attempt: Callable[[], object], error: type[EbpfNewError], because: str) -> None:
    """The attempt fails for that reason, and neither files nor index nor branches change."""

    def state() -> tuple[object, ...]:
        index = project / ".git/index"
        return contents(project), index.exists() and index.read_bytes(), sorted(os.listdir(project))

    before = state()
    with pytest.raises(error, match=because):
        attempt()
    assert state() == before


def refused(
    project: Path,
    because: str,
    error: type[EbpfNewError] = UsageError,
    version: str = "2.0",
    mode: Mode = Mode.WRITE,
) -> None:
    left_as_it_was(project, lambda: updated(project, version, mode), error, because)


def test_changes_that_are_not_committed(project: Path) -> None:
    (project / "LICENSE").write_text("mine\n")
    refused(project, r"changes would be mixed with the update \(LICENSE\); commit them first, or type: git stash$")
    assert updated(project, "2.0", Mode.CHECK).files  # which writes nothing, and looks at what is committed
    git(project, "add", "LICENSE")
    refused(project, r"\(LICENSE\)", mode=Mode.DRY_RUN)
    git(project, "reset", "--quiet", "--hard")
    for name in ("Makefile", "README.md", "flake.nix", "LICENSE", "Dockerfile", "NOTES"):
        (project / name).write_text("mine\n")
        git(project, "add", "--intent-to-add", name)
    refused(project, r"\(.*, .*, .*, .*, .*, and 1 more\)")


def test_an_update_that_is_not_finished(project: Path) -> None:
    updated(project, "1.1")
    refused(project, "changes would be mixed with the update")


@pytest.mark.parametrize("what", ["merge", "cherry-pick", "revert", "rebase"])
def test_what_is_going_on(project: Path, what: str) -> None:
    git(project, "branch", "other")
    for branch in ("other", "main"):
        git(project, "checkout", "--quiet", branch)
        (project / "LICENSE").write_text(f"{branch}\n")
        commit(project, branch)
    with pytest.raises(Exception, match=what):
        git(project, what, *(["--no-edit"] if what == "revert" else []), "HEAD~" if what == "revert" else "other")
    git(project, "checkout", "--force", "HEAD", "--", ".")
    refused(project, f"a {what} is going on here; type first: git {what} --continue, or --abort$")


def test_what_is_no_project_or_not_in_git(project: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"nowhere is no directory"):
        updated(tmp_path / "nowhere", "2.0")
    with pytest.raises(UsageError, match=r"is no project of ebpf-new, since it has no \.ebpf-new\.json; name the dir"):
        updated(tmp_path, "2.0")
    with pytest.raises(UsageError, match=rf"the project is {project}$"):
        updated(project / "src", "2.0")
    shutil.rmtree(project / ".git")
    start = "git init && git add --all && git commit"
    refused(project, f"is in no git repository, and an update is a merge by git; type: {start}")
    git(project, "init", "--quiet")
    refused(project, "is not committed, and an update begins from a commit; type there: git add --all && git commit")
    (project / ".git/HEAD").write_text("nonsense\n")
    refused(project, "is in no git repository")


def test_what_git_itself_refuses(project: Path) -> None:
    os.chown(project, 12345, 12345)
    os.chown(project / ".git", 12345, 12345)
    with pytest.raises(GitError, match=r"git cannot work in .*dubious ownership(?s:.*)safe\.directory"):
        updated(project, "2.0")


def test_an_older_git(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scaffold.update.checkout, "OLDEST_GIT", (99, 1))
    refused(project, r"this is git version 2\.\d+.*, and an update takes 99\.1 or newer; upgrade git", UnavailableError)


def test_no_git(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    refused(project, "git is not installed", UnavailableError)


@pytest.mark.parametrize("ignored", [False, True])
def test_what_is_in_no_commit_is_not_overwritten(project: Path, ignored: bool) -> None:
    if ignored:
        (project / ".gitignore").write_text("NEWS.md\nextra\n")
        commit(project)
    (project / "NEWS.md").write_text("mine\n")
    (project / "build").mkdir()
    (project / "build/other").write_text("no obstacle\n")
    because = "^NEWS.md would be overwritten, and it is in no commit; move it away, or commit it$"
    refused(project, because, mode=Mode.DRY_RUN)
    (project / "extra").symlink_to("build")
    refused(project, "^NEWS.md, extra would be overwritten, and they are in no commit; ")
    (project / "extra").unlink()
    (project / "NEWS.md").unlink()
    (project / "NEWS.md").mkdir()
    (project / "NEWS.md/within").touch()
    refused(project, "^NEWS.md/within would be overwritten")
    (project / "NEWS.md/within").unlink()
    (project / "NEWS.md/empty").mkdir()
    assert updated(project, "2.0").exit_code == 0
    assert (project / "NEWS.md").is_file() and (project / "build/other").read_text() == "no obstacle\n"


@pytest.mark.parametrize("flag", ["--skip-worktree", "--assume-unchanged"])
def test_what_git_was_told_not_to_look_at(project: Path, flag: str) -> None:
    git(project, "update-index", flag, "Makefile", "LICENSE")
    (project / "Makefile").write_text("mine, and git does not see it\n")
    refused(project, "git was told not to look at Makefile, which the update changes; type: git ")


def test_a_damaged_record(project: Path) -> None:
    record = project / ".ebpf-new.json"
    whole = record.read_text()
    for text, because in (
        ("<<<<<<< yours", "JSONDecodeError"),
        ("[]", "TypeError"),
        ("{}", "KeyError"),
        (whole.replace('"1.0"', '"of today"'), "Invalid version: 'of today'"),
        (whole.replace('"name": "hello",', ""), "name must be a text"),
        (whole.replace('"owner": ""', '"owner": 1'), "owner must be a text"),
    ):
        record.write_text(text)
        commit(project)
        refused(project, rf"\.ebpf-new\.json is damaged; take it back from an older commit, or mend it: .*{because}")


def test_a_newer_project_and_an_unknown_framework(project: Path, tmp_path: Path) -> None:
    newer = made_at("2.0", tmp_path / "newer")
    refused(newer, "was made by ebpf-new 2.0, and this is the older 1.1; upgrade ebpf-new", UnavailableError, "1.1")
    record = project / ".ebpf-new.json"
    record.write_text(record.read_text().replace('"framework": "libbpf"', '"framework": "other"'))
    commit(project)
    refused(project, "by the framework other, which this version lacks", UnavailableError)


def test_an_exported_template(tmp_path: Path) -> None:
    request = ProjectRequest(tmp_path / "all", author="Ada", email="ada@example.org")
    export(plan_exports(request.target, request, {"libbpf": load_catalog(sources("1.0").templates)["libbpf"]}))
    refused(tmp_path / "all/libbpf-starter", "is a template for others, .* make it again by ebpf-new export")


def test_bad_answers_are_all_said(project: Path) -> None:
    with pytest.raises(InvalidAnswersError) as caught:
        updated(project, "2.0", name="a b", license="None", colour="red", framework="cilium")
    said = {problem.answer: problem.message for problem in caught.value.problems}
    assert list(said) == ["--answer colour", "--answer framework", "--answer name", "--answer license"]
    assert "allowed is name | program | license" in said["--answer colour"]


def in_a_course(tmp_path: Path) -> tuple[Path, Path]:
    """A repository with a project of 1.0 in one of its directories."""
    course = tmp_path / "a course"
    project = made_at("1.0", course / 'week "1"' / "hello", with_git=False)
    (course / "notes").write_text("of the course\n")
    (course / "Makefile").write_text("all:\n")
    git(course, "init", "--quiet")
    commit(course)
    return course, project


def test_a_directory_of_a_larger_repository(tmp_path: Path) -> None:
    course, project = in_a_course(tmp_path)
    (project / "README.md").write_text((project / "README.md").read_text() + "Mine.\n")
    (project / "docs/guide.md").write_text((project / "docs/guide.md").read_text().replace("Line 7", "My line 7"))
    (course / ".gitattributes").write_text("*.md -text\n")
    commit(course)
    (course / "notes").write_text("being written\n")
    (course / "staged").touch()
    git(course, "add", "staged")
    elsewhere = {name: file for name, file in contents(course).items() if not name.startswith("week")}
    done = updated(project, "2.0")
    assert [change.path for change in done.conflicts] == ["docs/guide.md"]
    assert (project / "NEWS.md").exists() and not (course / "NEWS.md").exists()
    assert (project / "README.md").read_text().endswith("Mine.\n")
    assert {name: file for name, file in contents(course).items() if not name.startswith("week")} == elsewhere
    status = git(course, "status", "--porcelain", "--no-renames", "-z").split("\0")
    assert {"M notes", "A  staged"} < {entry.strip() for entry in status}
    changed = {entry.strip().partition(" ")[2].strip() for entry in status if entry} - {"notes", "staged"}
    assert changed and all(path.startswith('week "1"/hello/') for path in changed)
    assert git(course, "diff", "--name-only", "-z", "--diff-filter=U").split("\0")[0] == 'week "1"/hello/docs/guide.md'
    assert git(course, "stash", "list") == ""


def test_changes_in_a_project_of_a_larger_repository_are_refused_too(tmp_path: Path) -> None:
    _, project = in_a_course(tmp_path)
    (project / "LICENSE").write_text("mine\n")
    refused(project, r"\(week \"1\"/hello/LICENSE\)")


def test_on_a_detached_head_in_a_second_work_tree(project: Path, tmp_path: Path) -> None:
    git(project, "worktree", "add", "--quiet", "--detach", str(tmp_path / "second"))
    before = contents(project), git(project, "status", "--porcelain")
    assert updated(tmp_path / "second", "2.0").exit_code == 0
    assert git(tmp_path / "second", "diff", "--cached", "--name-only")
    assert (contents(project), git(project, "status", "--porcelain")) == before


def test_by_another_name_and_with_hashes_of_the_newer_kind(tmp_path: Path) -> None:
    project = made_at("1.0", tmp_path / "hello", with_git=False)
    git(project, "init", "--quiet", "--object-format=sha256")
    commit(project)
    (tmp_path / "link").symlink_to(project)
    assert updated(tmp_path / "link", "2.0").exit_code == 0
    assert not re.search(r"^.[^ ]", git(project, "status", "--porcelain"), re.MULTILINE)


def test_the_users_configuration_neither_breaks_nor_changes_it(project: Path, tmp_path: Path, git_config: Path) -> None:
    guide = project / "docs/guide.md"
    guide.write_text(guide.read_text().replace("Line 7", "My line 7"))
    git(project, "mv", "docs/last.md", "last.md")
    commit(project)
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
    done = updated(project, "1.1")
    assert [change.path for change in done.conflicts] == ["docs/guide.md"]
    assert "The 9th line" in (project / "last.md").read_text()
    assert not (project / "hooked").exists()
    git_config.write_text("")
    git(project, "reset", "--quiet", "--hard")
    again = updated(project, "1.1")
    assert again == done
