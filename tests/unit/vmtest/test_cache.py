# SPDX-License-Identifier: BSD-2-Clause
"""Cache entries are complete, and pruning keeps the most recently used ones."""

import os
import shutil
from pathlib import Path

import pytest

from scaffold.vmtest.cache import cache_root, discard, new_directory, prune


def entry(store: Path, name: str, size: int, age: int) -> Path:
    directory = store / name
    directory.mkdir(parents=True)
    (directory / "state").write_bytes(os.urandom(size))
    os.utime(directory, (1_000_000 - age, 1_000_000 - age))
    return directory


def test_the_least_recently_used_entries_are_pruned_first(tmp_path: Path) -> None:
    kept = [entry(tmp_path, "new", 100_000, age=1), entry(tmp_path, "middle", 100_000, age=5)]
    old = entry(tmp_path, "old", 100_000, age=9)
    prune(tmp_path, 250_000)
    assert all(directory.exists() for directory in kept)
    assert not old.exists()


def test_the_most_recently_used_entry_is_kept_whatever_its_size(tmp_path: Path) -> None:
    large = entry(tmp_path, "large", 500_000, age=0)
    small = entry(tmp_path, "small", 10_000, age=1)
    prune(tmp_path, 100_000)
    assert large.exists()
    assert not small.exists()


def test_a_directory_is_created_atomically(tmp_path: Path) -> None:
    target = tmp_path / "store" / "entry"
    with pytest.raises(RuntimeError), new_directory(target) as work:
        (work / "incomplete").touch()
        raise RuntimeError
    assert list(target.parent.iterdir()) == []
    with new_directory(target) as work:
        (work / "file").touch()
        assert not target.exists()
    assert [path.name for path in target.iterdir()] == ["file"]


def test_temporary_directories_of_a_killed_run_are_removed(tmp_path: Path) -> None:
    (tmp_path / ".entry.abc" / "deep").mkdir(parents=True)
    (tmp_path / ".other.abc").mkdir()
    with new_directory(tmp_path / "entry"):
        pass
    assert sorted(path.name for path in tmp_path.iterdir()) == [".other.abc", "entry"]


def test_a_discarded_entry_is_removed(tmp_path: Path) -> None:
    discard(entry(tmp_path, "old", 10, age=1))
    discard(tmp_path / "missing")
    assert list(tmp_path.iterdir()) == []


def test_the_rest_of_an_interrupted_removal_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = entry(tmp_path, "old", 10, age=1)
    with monkeypatch.context() as killed:
        killed.setattr(shutil, "rmtree", lambda *_, **__: None)
        discard(old)
    assert not old.exists()
    (rest,) = tmp_path.iterdir()
    assert rest.name.startswith(".")
    with new_directory(old) as work:
        (work / "state").touch()
    assert list(tmp_path.iterdir()) == [old]


def test_the_cache_directory_is_configurable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/some/cache")
    assert cache_root() == Path("/some/cache/ebpf-new")
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    monkeypatch.setenv("HOME", "/home/user")
    assert cache_root() == Path("/home/user/.cache/ebpf-new")
