# SPDX-License-Identifier: BSD-2-Clause
"""Files are replaced atomically, and locks are exclusive."""

import os
import shutil
import threading
from pathlib import Path

import pytest

from scaffold.vmtest.files import LockState, locked_file, remove_directory, try_lock, write_atomically
from tests.limits import file_size_limit


@pytest.mark.parametrize("content", ["an ü", b"\x00\xff", ""])
@pytest.mark.parametrize("sync", [False, True])
def test_a_file_is_replaced(tmp_path: Path, content: str | bytes, sync: bool) -> None:
    path = tmp_path / "file"
    for _ in range(2):
        write_atomically(path, content, sync=sync)
        assert path.read_bytes() == (content.encode() if isinstance(content, str) else content)
    assert os.listdir(tmp_path) == ["file"]


def test_the_umask_restricts_the_mode(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        write_atomically(tmp_path / "shared", "")
        write_atomically(tmp_path / "private", "", mode=0o600)
    finally:
        os.umask(before)
    modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()}
    assert modes == {"shared": 0o640, "private": 0o600}


def test_the_time_of_a_file(tmp_path: Path) -> None:
    write_atomically(tmp_path / "file", "text", modified=1e9)
    assert (tmp_path / "file").stat().st_mtime == 1e9


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_atomically(path, "old")
    with file_size_limit(2), pytest.raises(OSError, match="File too large"):
        write_atomically(path, "a new text")
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["file"]


def test_a_second_process_waits_for_the_lock(tmp_path: Path) -> None:
    order = []

    def second() -> None:
        with locked_file(tmp_path / "locks" / "one"):
            order.append("second")

    thread = threading.Thread(target=second)
    with locked_file(tmp_path / "locks" / "one"):
        thread.start()
        thread.join(timeout=0.2)
        assert thread.is_alive()
        order.append("first")
    thread.join(timeout=10)
    assert order == ["first", "second"]


def test_a_lock_that_is_held_is_busy(tmp_path: Path) -> None:
    first, second = (os.open(tmp_path, os.O_RDONLY) for _ in range(2))
    try:
        assert try_lock(first) is LockState.LOCKED
        assert try_lock(second) is LockState.BUSY
        os.close(first)
        assert try_lock(second) is LockState.LOCKED
    finally:
        os.close(second)


def test_a_directory_is_removed_while_an_orphan_still_writes_into_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = tmp_path / "directory"
    directory.mkdir()
    remove, calls = shutil.rmtree, 0

    def remove_and_write(path: Path, ignore_errors: bool) -> None:
        nonlocal calls
        calls += 1
        remove(path, ignore_errors)
        if calls < 3:
            path.mkdir()
            (path / "file").touch()

    monkeypatch.setattr("shutil.rmtree", remove_and_write)
    remove_directory(directory)
    assert (calls, list(tmp_path.iterdir())) == (3, [])
