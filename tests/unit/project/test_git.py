# SPDX-License-Identifier: BSD-2-Clause
"""git runs with one environment, reports its own messages, and provides the user's settings and the commit at HEAD."""

from pathlib import Path

import pytest

from scaffold.errors import GitError
from scaffold.project.git import Git, GitSettings, git_is_installed, read_git_settings, read_head
from tests.conftest import git


def test_a_command_gets_input_and_returns_output(tmp_path: Path) -> None:
    assert Git(tmp_path)("hash-object", "--stdin", stdin=b"x\n") == b"587be6b4c3f93f93c489c0111bba5596147a26cb\n"
    assert Git(tmp_path).line("hash-object", "--stdin") == "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"
    assert Git(tmp_path).line("rev-parse", "HEAD") == ""


def test_a_failure_is_reported_with_the_command_and_the_first_line_of_its_message(tmp_path: Path) -> None:
    with pytest.raises(GitError, match=r"^git rev-parse failed: fatal: not a git repository.*$") as caught:
        Git(tmp_path)("-c", "core.pager=cat", "rev-parse", "HEAD")
    assert "\n" not in caught.value.message
    assert Git(tmp_path)("rev-parse", "HEAD", statuses=(128,)) == b""


def test_variables_are_added_and_those_of_a_hook_are_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "other.git"))
    git_here = Git(tmp_path).with_variables(GIT_AUTHOR_NAME="N", GIT_AUTHOR_EMAIL="E")
    git_here("init", "--quiet")
    assert [path.name for path in tmp_path.iterdir()] == [".git"]
    assert git_here.line("var", "GIT_AUTHOR_IDENT").startswith("N <E> ")


def test_a_missing_git_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert git_is_installed()
    monkeypatch.setenv("PATH", "/nonexistent")
    assert not git_is_installed()
    with pytest.raises(GitError, match="cannot start git"):
        Git(tmp_path)("version")


def test_settings_come_from_the_users_configuration_and_environment(
    tmp_path: Path, git_config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    git_config.write_text("[user]\n name = N\n email = E\n[init]\n defaultBranch = trunk/한글\n")
    assert read_git_settings(tmp_path) == GitSettings("N", "E", "trunk/한글")
    git_config.write_text("[user]\n name = N\n email = E\n[author]\n name = A\n[init]\n defaultBranch = two words\n")
    assert read_git_settings(tmp_path) == GitSettings("A", "E", "main")
    monkeypatch.setenv("GIT_AUTHOR_NAME", "From the environment")
    assert read_git_settings(tmp_path).name == "From the environment"


def test_settings_without_configuration_and_without_git(
    tmp_path: Path, git_config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    git_config.unlink()
    assert read_git_settings(tmp_path) == GitSettings("", "", "main")
    monkeypatch.setenv("PATH", "/nonexistent")
    assert read_git_settings(tmp_path) == GitSettings("", "", "main")
    monkeypatch.setenv("GIT_AUTHOR_NAME", "N")
    monkeypatch.setenv("GIT_AUTHOR_EMAIL", "E")
    assert read_git_settings(tmp_path) == GitSettings("N", "E", "main")


def test_head_is_the_hash_of_the_commit(tmp_path: Path) -> None:
    assert read_head(tmp_path) == ""
    git(tmp_path, "init", "--quiet")
    assert read_head(tmp_path) == ""
    git(tmp_path, "commit", "--quiet", "--allow-empty", "--message=x")
    assert read_head(tmp_path) == git(tmp_path, "rev-parse", "HEAD")
    git(tmp_path, "pack-refs", "--all")
    assert read_head(tmp_path) == git(tmp_path, "rev-parse", "HEAD")
