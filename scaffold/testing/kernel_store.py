# SPDX-License-Identifier: BSD-2-Clause
"""The kernels of guests: what is in the cache, what the archive has, and getting and removing some."""

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

EVERY = "all"
DAY = 24 * 3600


@dataclass(frozen=True)
class Cached:
    """A kernel in the cache. `used` is in seconds since the epoch, `size` in bytes."""

    release: str
    arch: str
    suite: str
    size: int
    used: float
    path: Path


@dataclass(frozen=True)
class Pruned:
    """What was removed: kernels by their releases, how many saved guests, and how many bytes there were in all."""

    kernels: tuple[str, ...]
    guests: int
    size: int


def cached_kernels(architectures: Sequence[Architecture]) -> list[Cached]:
    """Return what the cache has for guests of `architectures`, oldest version first."""
    return sorted(_cached(architectures), key=lambda each: (each.arch, version_key(each.release)))


def _cached(architectures: Sequence[Architecture]) -> Iterator[Cached]:
    for architecture in architectures:
        for entry, origin in valid_entries(kernel_directory(architecture)).items():
            with suppress(FileNotFoundError):  # another run removes it
                used = entry.stat().st_mtime
                yield Cached(origin.release, architecture.name, origin.suite, directory_size(entry), used, entry)


def find_available_kernels(architectures: Sequence[Architecture]) -> dict[str, list[AvailableKernel]]:
    """Return the newest kernel of each series that the archive has, by architecture.

    Raises:
        UnavailableError: the archive is out of reach, or this machine has no apt.
    """
    with _told(". What is in the cache: ebpf-new kernels list --cached"):
        return {architecture.name: available_kernels(architecture) for architecture in architectures}


def fetch_kernels(specs: Sequence[str], architecture: Architecture) -> Iterator[str]:
    """Bring the kernels that `specs` name into the cache, and yield the release of each when it is there.

    What a guest needs besides a kernel comes first.

    A spec is what `--kernel` takes, or `all`: the newest of each series that the archive has.

    Raises:
        UnavailableError: one of them cannot be had; those before it were yielded.
    """
    with _told():
        find_busybox(architecture)
        for spec in specs:
            if spec == EVERY:
                for offer in available_kernels(architecture):
                    with locked("kernels"):
                        yield download_kernel(offer, architecture).release
            else:
                yield find_kernel(spec, architecture).release


@contextmanager
def _told(hint: str = "") -> Iterator[None]:
    """Turn what keeps from getting something, a full disk too, into UnavailableError; `hint` ends its message."""
    try:
        yield
    except InfrastructureError as error:
        raise UnavailableError(f"{error}{hint}") from error
    except OSError as error:
        raise UnavailableError(f"{error.filename or cache_root()}: {error.strerror}") from error


def prune_kernels(days: float) -> Pruned:
    """Remove kernels and saved guests that nothing has used for `days` days, and the guests of kernels that are gone.

    What killed runs have left half made goes too, when it is older than a day.
    """
    limit = time.time() - days * DAY
    stores = [*map(kernel_directory, ARCHITECTURES.values()), cache_root() / "kernels" / "local"]
    with locked("kernels"):
        releases = {entry: origin.release for store in stores for entry, origin in valid_entries(store).items()}
        kernels = {entry for store in stores for entry in _entries_before(limit, store)}
        size = _discard(kernels)
        saved = cache_root() / "guests"
        guests = _entries_before(limit, saved) | {entry for entry in saved.glob("[!.]*/") if is_kernel_missing(entry)}
        size += _discard(guests)
        half_made = {
            part for store in (*stores, saved) for part in _entries_before(min(limit, time.time() - DAY), store, ".*/")
        }
        size += _discard(half_made)
    gone = sorted((releases.get(entry, entry.name) for entry in kernels), key=version_key)
    return Pruned(tuple(gone), len(guests), size)


def _entries_before(limit: float, store: Path, pattern: str = "[!.]*/") -> set[Path]:
    """Return the directories in `store` that were last used before `limit`."""
    found = set()
    for entry in store.glob(pattern):
        with suppress(FileNotFoundError):  # another run removes it
            if entry.stat().st_mtime < limit:
                found.add(entry)
    return found


def _discard(entries: Collection[Path]) -> int:
    """Remove `entries` and return how many bytes they held."""
    size = 0
    for entry in entries:
        with suppress(FileNotFoundError):  # another run removes it
            size += directory_size(entry)
            discard(entry)
    return size
