# SPDX-License-Identifier: BSD-2-Clause
"""The first commit does not depend on the user's configuration, nor on what surrounds the project."""

import os
from pathlib import Path

import pytest

from scaffold.errors import GitError
from scaffold.generate.commit import create_repository
from scaffold.project.git import GitSettings, read_git_settings
from tests.conftest import git

ADA = GitSettings("Ada", "ada@example.org", "main")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A small project: mixed line ends, an executable file, and a file that its own .gitignore lists."""
    tree = tmp_path / "tree"
    (tree / "bin").mkdir(parents=True)
    (tree / ".gitignore").write_text("/build/\n")
    (tree / "notes.txt").write_bytes(b"one\r\ntwo\n")
    (tree / "bin/run").write_text("#!/bin/sh\n")
    (tree / "bin/run").chmod(0o755)
    (tree / "build").mkdir()
    (tree / "build/kept").touch()
    return tree


def check_commit(tree: Path) -> None:
    """Check the author, the files, their modes and contents, and the work tree of the first commit."""
    assert git(tree, "log", "--format=%an <%ae> %cn <%ce>") == "Ada <ada@example.org> Ada <ada@example.org>"
    assert git(tree, "ls-files").split() == [".gitignore", "bin/run", "build/kept", "notes.txt"]
    assert not (tree / ".git/hooks").exists()
    assert git(tree, "ls-files", "--stage", "bin/run").startswith("100755")
    assert git(tree, "cat-file", "-s", "HEAD:notes.txt") == "9"
    assert git(tree, "-c", "core.hooksPath=/dev/null", "status", "--porcelain") == ""
    assert git(tree, "fsck", "--strict") == ""


def test_one_commit_contains_every_file(tree: Path) -> None:
    commit = create_repository(tree, "Begin", ADA)
    assert (commit.hash, commit.branch) == (git(tree, "rev-parse", "HEAD"), git(tree, "branch", "--show-current"))
    check_commit(tree)


@pytest.mark.filterwarnings("error")
def test_a_path_with_a_dollar_sign_is_not_expanded(tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.setenv("DIRECTORY", "elsewhere")
    odd = tree.rename(tmp_path / "$DIRECTORY")
    create_repository(odd, "Begin", ADA)
    check_commit(odd)
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_the_users_configuration_neither_breaks_nor_changes_it(
    tree: Path, tmp_path: Path, git_config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hooks = tmp_path / "hooks"
    (tmp_path / "template/hooks").mkdir(parents=True)
    hooks.mkdir()
    for hook in (hooks / "pre-commit", hooks / "commit-msg", tmp_path / "template/hooks/pre-commit"):
        hook.write_text("#!/bin/sh\nexit 1\n")
        hook.chmod(0o755)
    (tmp_path / "ignored").write_text("*.txt\n.gitignore\n")
    (tmp_path / "attributes").write_text("* filter=fails text eol=crlf\n")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "xdg"))
    (tmp_path / "xdg/git").mkdir(parents=True)
    (tmp_path / "xdg/git/ignore").write_text("*.txt\n")
    (tmp_path / "xdg/git/attributes").write_text("* text eol=crlf\n")
    git_config.write_text(f"""
        [commit]
            gpgSign = true
            template = /nonexistent
        [gpg]
            program = /bin/false
        [core]
            hooksPath = {hooks}
            excludesFile = {tmp_path / "ignored"}
            attributesFile = {tmp_path / "attributes"}
            autocrlf = true
            fileMode = false
            fsmonitor = /bin/false
        [filter "fails"]
            clean = false
            required = true
        [init]
            templateDir = {tmp_path / "template"}
        [user]
            useConfigOnly = true
        """)
    create_repository(tree, "Begin", ADA)
    git_config.write_text("")
    monkeypatch.delenv("XDG_CONFIG_HOME")
    check_commit(tree)


def test_an_invalid_configuration_does_not_prevent_the_commit(tree: Path, git_config: Path) -> None:
    git_config.write_text("[[[")
    assert read_git_settings(tree) == GitSettings()
    create_repository(tree, "Begin", ADA)
    git_config.write_text("")
    check_commit(tree)


def test_inside_the_hook_of_another_repository(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    outer = tree.parent
    git(outer, "init", "--quiet")
    monkeypatch.setenv("GIT_DIR", str(outer / ".git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(outer))
    monkeypatch.setenv("GIT_INDEX_FILE", str(outer / ".git/index"))
    create_repository(tree, "Begin", ADA)
    assert os.environ["GIT_DIR"] == str(outer / ".git")
    for variable in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):
        monkeypatch.delenv(variable)
    check_commit(tree)
    assert git(outer, "ls-files", "--stage") == ""


def test_a_directory_of_another_user(tree: Path) -> None:
    if os.getuid() != 0:
        pytest.fail("run the tests as root: only root can change the owner of a directory")
    os.chown(tree, 12345, 12345)
    create_repository(tree, "Begin", ADA)
    os.chown(tree, 0, 0)
    check_commit(tree)


@pytest.mark.parametrize("settings", [GitSettings(), GitSettings("...", "<>"), GitSettings(" ", " ")])
def test_without_a_usable_identity(tree: Path, settings: GitSettings) -> None:
    create_repository(tree, "Begin", settings)
    assert git(tree, "log", "--format=%an <%ae>") == "the tree authors <tree@localhost>"


def test_a_failure_is_reported_with_gits_message_and_a_hint(tree: Path) -> None:
    (tree / ".git").write_text("not a repository\n")
    with pytest.raises(GitError, match=r"git init failed: .*\.git") as failed:
        create_repository(tree, "Begin", ADA)
    assert "--no-git" in failed.value.hint


def test_the_first_branch_is_the_one_of_the_settings(tree: Path) -> None:
    create_repository(tree, "Begin", GitSettings("A", "B", "trunk/한글"))
    assert git(tree, "-c", "core.quotePath=false", "symbolic-ref", "HEAD") == "refs/heads/trunk/한글"
