# SPDX-License-Identifier: BSD-2-Clause
"""The guests' kernels: list those in the cache and in the apt archive, fetch some, and remove unused ones."""

import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from scaffold.errors import UnavailableError
from scaffold.vmtest.architecture import ARCHITECTURES, Architecture
from scaffold.vmtest.available import AvailableKernel, available_kernels, download_kernel, kernel_directory, version_key
from scaffold.vmtest.cache import cache_root, directory_size, discard, locked
from scaffold.vmtest.errors import InfrastructureError
from scaffold.vmtest.kernel_cache import valid_entries
from scaffold.vmtest.kernels import find_kernel
from scaffold.vmtest.snapshot import find_busybox, is_kernel_missing

ALL = "all"
DAY_SECONDS = 24 * 3600
ENTRIES = "[!.]*/"
TEMPORARY_ENTRIES = ".*/"  # the directories of runs that still write them, or were killed while they did


@dataclass(frozen=True)
class CachedKernel:
    """A kernel in the cache. Its fields are the keys of the JSON output."""

    release: str
    arch: str  # Debian's name
    suite: str  # of the apt archive
    size: int  # bytes on the disk
    used: float  # time of the last use, in seconds since the epoch
    path: Path


@dataclass(frozen=True)
class PruneResult:
    """What was removed from the cache. Its fields are the keys of the JSON output."""

    kernels: tuple[str, ...]  # releases
    guests: int  # number of saved guests
    size: int  # bytes on the disk, of all together


def cached_kernels(architectures: Sequence[Architecture]) -> list[CachedKernel]:
    """Return the kernels in the cache for `architectures`, sorted by architecture and version."""
    return sorted(_cached_kernels(architectures), key=lambda kernel: (kernel.arch, version_key(kernel.release)))


def _cached_kernels(architectures: Sequence[Architecture]) -> Iterator[CachedKernel]:
    for architecture in architectures:
        for entry, source in valid_entries(kernel_directory(architecture)).items():
            with suppress(FileNotFoundError):  # another run removes it
                used = entry.stat().st_mtime
                size = directory_size(entry)
                yield CachedKernel(source.release, architecture.name, source.suite, size, used, entry)


def find_available_kernels(architectures: Sequence[Architecture]) -> dict[str, list[AvailableKernel]]:
    """Return the newest kernel of each series in the apt archive, by the name of the architecture.

    Raises:
        UnavailableError: the archive cannot be reached, or this machine has no apt.
    """
    with _as_unavailable(hint="list the kernels in the cache: ebpf-new kernels list --cached"):
        return {architecture.name: available_kernels(architecture) for architecture in architectures}


def fetch_kernels(specs: Sequence[str], architecture: Architecture) -> Iterator[str]:
    """Fetch the kernels that `specs` name into the cache, and yield the release of each when it is complete.

    A spec is a value of `--kernel`, or `all` for the newest kernel of each series in the apt archive. The other files
    that a guest needs are fetched first.

    Raises:
        UnavailableError: a kernel cannot be fetched; those before it are in the cache.
    """
    with _as_unavailable():
        find_busybox(architecture)
        for spec in specs:
            if spec == ALL:
                for kernel in available_kernels(architecture):
                    with locked("kernels"):
                        yield download_kernel(kernel, architecture).release
            else:
                yield find_kernel(spec, architecture).release


@contextmanager
def _as_unavailable(hint: str = "") -> Iterator[None]:
    """Turn errors of the machine, such as a full disk, into UnavailableError with `hint`."""
    try:
        yield
    except InfrastructureError as error:
        hints = [text for text in (error.hint, hint) if text]
        raise UnavailableError(error.message, hint="; ".join(hints)) from error
    except OSError as error:
        raise UnavailableError(f"{error.filename or cache_root()}: {error.strerror}", hint=hint) from error


def prune_kernels(days: float) -> PruneResult:
    """Remove kernels and saved guests that were not used for `days` days, and the guests of kernels that are gone.

    Temporary files that a killed run left are removed if they are more than a day old.
    """
    now = time.time()
    limit = now - days * DAY_SECONDS
    stores = [*map(kernel_directory, ARCHITECTURES.values()), cache_root() / "kernels" / "local"]
    guest_store = cache_root() / "guests"
    with locked("kernels"):
        releases = {entry: source.release for store in stores for entry, source in valid_entries(store).items()}
        kernels = {entry for store in stores for entry in _entries_before(limit, store)}
        size = _discard(kernels)
        guests = _entries_before(limit, guest_store)
        guests |= {entry for entry in guest_store.glob(ENTRIES) if is_kernel_missing(entry)}
        size += _discard(guests)
        stale_limit = min(limit, now - DAY_SECONDS)
        for store in (*stores, guest_store):
            size += _discard(_entries_before(stale_limit, store, TEMPORARY_ENTRIES))
    removed = sorted((releases.get(entry, entry.name) for entry in kernels), key=version_key)
    return PruneResult(tuple(removed), len(guests), size)


def _entries_before(limit: float, store: Path, pattern: str = ENTRIES) -> set[Path]:
    """Return the directories in `store` whose last use was before `limit`, in seconds since the epoch."""
    entries = set()
    for entry in store.glob(pattern):
        with suppress(FileNotFoundError):  # another run removes it
            if entry.stat().st_mtime < limit:
                entries.add(entry)
    return entries


def _discard(entries: Collection[Path]) -> int:
    """Remove `entries`, and return their size in bytes."""
    size = 0
    for entry in entries:
        with suppress(FileNotFoundError):  # another run removes it
            size += directory_size(entry)
            discard(entry)
    return size
