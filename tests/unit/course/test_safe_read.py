# SPDX-License-Identifier: BSD-2-Clause
"""A file is read only if it is a regular, small file inside its repository."""

import os
from pathlib import Path

import pytest

from scaffold.course.safe_read import MAX_BYTES, read_text


def test_regular_file(tmp_path: Path) -> None:
    (tmp_path / "test").mkdir()
    (tmp_path / "test/a").write_text("é")
    assert read_text(tmp_path, "test/a") == "é"


def test_symbolic_links_are_not_followed(tmp_path: Path) -> None:
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret/a").write_text("secret")
    repository = tmp_path / "repository"
    repository.mkdir()
    (repository / "a").symlink_to("../secret/a")
    (repository / "test").symlink_to("../secret")
    for name in ("a", "test/a"):
        with pytest.raises(OSError):
            read_text(repository, name)


def test_named_pipe_does_not_block(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "directory").mkdir()
    for name in ("pipe", "directory", "missing"):
        with pytest.raises(OSError):
            read_text(tmp_path, name)


def test_size_limit(tmp_path: Path) -> None:
    with (tmp_path / "a").open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(OSError, match=str(MAX_BYTES)):
        read_text(tmp_path, "a")
