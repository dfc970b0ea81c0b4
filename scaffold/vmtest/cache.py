# SPDX-License-Identifier: BSD-2-Clause
"""Where kernels and saved guests are kept between runs, and how files get there whole."""

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
    base = os.environ.get("XDG_CACHE_HOME", "")
    root = Path(base) if base.startswith("/") else Path.home() / ".cache"
    return root / "ebpf-new"


def locked(name: str) -> AbstractContextManager[None]:
    """Hold the cache's lock `name`, so that one of two runs works and the other waits."""
    return locked_file(cache_root() / "locks" / name)


@contextmanager
def new_directory(target: Path) -> Iterator[Path]:
    """Yield an empty directory that becomes `target` when the block ends well, and vanishes when not.

    The caller holds the lock of `target`: what a killed run left under the temporary name is
    removed first.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    for litter in target.parent.glob(f".{target.name}.*"):
        remove_directory(litter)
    work = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    try:
        yield work
        work.chmod(0o755)
        discard(target)
        work.rename(target)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def prune(directory: Path, limit: int) -> None:
    """Remove the least recently used entries of `directory` until the rest hold at most `limit` bytes.

    The most recently used entry always stays, however large it is. Other runs may do the same at this moment.
    """
    entries = sorted(_entries(directory), reverse=True)
    total = 0
    for position, (_, entry, size) in enumerate(entries):
        total += size
        if total > limit and position > 0:
            discard(entry)


def discard(entry: Path) -> None:
    """Remove the directory `entry`: it is gone as a whole, even if this process is killed meanwhile.

    What is left then is cleared away when the entry is made again.
    """
    gone = entry.with_name(f".{entry.name}.{secrets.token_hex(4)}")
    with suppress(FileNotFoundError):  # it was not there, or another run did the same
        entry.rename(gone)
        shutil.rmtree(gone, ignore_errors=True)


def _entries(directory: Path) -> Iterator[tuple[float, Path, int]]:
    """Yield each entry with the time of its last use and its size in bytes."""
    for entry in directory.glob("[!.]*/"):
        with suppress(FileNotFoundError):  # it was removed meanwhile
            yield entry.stat().st_mtime, entry, directory_size(entry)


def directory_size(directory: Path) -> int:
    """Return the bytes that the files below `directory` take on the disk."""
    return sum(file.lstat().st_blocks * 512 for file in directory.rglob("*"))
