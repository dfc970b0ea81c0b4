# SPDX-License-Identifier: BSD-2-Clause
"""The project in its git work tree, and how messages list paths."""

from pathlib import Path

import pytest

from scaffold.errors import UsageError
from scaffold.project.record import RECORD
from scaffold.update.checkout import MAX_LISTED_PATHS, find_checkout, format_paths, require_clean
from tests.conftest import git


@pytest.mark.parametrize("hidden", [-1, 0, 1, 7])
def test_format_paths(hidden: int) -> None:
    paths = [f"file{number}" for number in range(MAX_LISTED_PATHS + hidden)]
    shown = ", ".join(paths[:MAX_LISTED_PATHS])
    assert format_paths(paths) == (f"{shown}, and {hidden} more" if hidden > 0 else shown)


def test_format_paths_prints_no_control_character() -> None:
    assert format_paths(["a\nb\x1b[1m"]).isprintable()


@pytest.mark.parametrize("prefix", ["", "week 1/hello/"])
def test_find_checkout(tmp_path: Path, prefix: str) -> None:
    project = tmp_path / prefix
    project.mkdir(parents=True, exist_ok=True)
    (project / RECORD).write_text("{}")
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "add", "--all")
    git(tmp_path, "commit", "--quiet", "--message", "Start")
    checkout = find_checkout(project)
    assert (checkout.project, checkout.top, checkout.prefix) == (project, tmp_path, prefix)
    assert checkout.is_whole_repository is (prefix == "")
    assert checkout.git_directory == tmp_path / ".git" and checkout.objects_directory.is_dir()
    assert checkout.head_tree == git(tmp_path, "rev-parse", "HEAD^{tree}")


def test_a_commit_during_the_update_is_found(tmp_path: Path) -> None:
    (tmp_path / RECORD).write_text("{}")
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "add", "--all")
    git(tmp_path, "commit", "--quiet", "--message", "Start")
    checkout = find_checkout(tmp_path)
    require_clean(checkout)
    (tmp_path / "file").touch()
    git(tmp_path, "add", "--all")
    git(tmp_path, "commit", "--quiet", "--message", "Meanwhile")
    with pytest.raises(UsageError, match="committed") as caught:
        require_clean(checkout)
    assert str(tmp_path) in caught.value.message and "again" in caught.value.hint
