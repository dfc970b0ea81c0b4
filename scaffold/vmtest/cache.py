# SPDX-License-Identifier: BSD-2-Clause
"""The cache of kernels and snapshots: its location, its locks, and directories that are created atomically."""

import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path

from .files import locked_file, remove_directory


def cache_root() -> Path:
    """Return the cache directory: `$XDG_CACHE_HOME/ebpf-new`, or `~/.cache/ebpf-new`."""
    configured = os.environ.get("XDG_CACHE_HOME", "")
    root = Path(configured) if configured.startswith("/") else Path.home() / ".cache"
    return root / "ebpf-new"


def locked(name: str) -> AbstractContextManager[None]:
    """Hold the lock `name` of the cache; wait for another process that holds it."""
    return locked_file(cache_root() / "locks" / name)


@contextmanager
def new_directory(target: Path) -> Iterator[Path]:
    """Yield an empty directory that becomes `target` at the end of the block; it is removed if the block fails.

    The caller holds the lock of `target`, so temporary directories of killed runs can be removed first.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    for stale in target.parent.glob(f".{target.name}.*"):
        remove_directory(stale)
    work = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    try:
        yield work
        work.chmod(0o755)
        discard(target)
        work.rename(target)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def prune(directory: Path, max_bytes: int) -> None:
    """Remove the least recently used entries of `directory` until the rest takes at most `max_bytes`.

    The most recently used entry always remains, whatever its size. Several processes may prune at the same time.
    """
    entries = sorted(_entries(directory), reverse=True)
    total = 0
    for position, (_, entry, size) in enumerate(entries):
        total += size
        if total > max_bytes and position > 0:
            discard(entry)


def discard(entry: Path) -> None:
    """Remove the directory `entry` atomically: it is renamed first, so nobody sees a part of it.

    If this process is killed meanwhile, `new_directory` removes the rest when it creates the entry again.
    """
    renamed = entry.with_name(f".{entry.name}.{secrets.token_hex(4)}")
    with suppress(FileNotFoundError):  # it did not exist, or another process discarded it
        entry.rename(renamed)
        shutil.rmtree(renamed, ignore_errors=True)


def _entries(directory: Path) -> Iterator[tuple[float, Path, int]]:
    """Yield each entry with the time of its last use and its size in bytes."""
    for entry in directory.glob("[!.]*/"):
        with suppress(FileNotFoundError):  # it was removed meanwhile
            yield entry.stat().st_mtime, entry, directory_size(entry)


def directory_size(directory: Path) -> int:
    """Return the disk space that the files below `directory` take, in bytes."""
    return sum(file.lstat().st_blocks * 512 for file in directory.rglob("*"))
