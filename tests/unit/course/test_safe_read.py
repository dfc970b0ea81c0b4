# SPDX-License-Identifier: BSD-2-Clause
"""Files of other people's repositories are read only if they are files of theirs."""

import os
from pathlib import Path

import pytest

from scaffold.course.safe_read import MOST_BYTES, read_text


def test_a_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "test").mkdir()
    (tmp_path / "test/a").write_text("é")
    assert read_text(tmp_path, "test/a") == "é"


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret/a").write_text("secret")
    repository = tmp_path / "repository"
    repository.mkdir()
    (repository / "a").symlink_to("../secret/a")
    (repository / "test").symlink_to("../secret")
    for name in ("a", "test/a"):
        with pytest.raises(OSError):
            read_text(repository, name)


def test_what_is_no_file_does_not_hang(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "directory").mkdir()
    for name in ("pipe", "directory"):
        with pytest.raises(OSError):
            read_text(tmp_path, name)


def test_a_large_file_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "a").open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(OSError, match=str(MOST_BYTES)):
        read_text(tmp_path, "a")
