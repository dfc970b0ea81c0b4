# SPDX-License-Identifier: BSD-2-Clause
"""The kernels that the apt archive has, and downloading one of them into the cache."""

import json
import re
import shutil
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path

from .apt import LISTS_SECONDS, NO_KERNEL_HINT, Apt, Suite, candidate_suites, configured_suites
from .architecture import Architecture
from .cache import cache_root, locked, new_directory
from .errors import InfrastructureError
from .files import write_atomically
from .kernel_cache import Kernel, KernelSource, load_entry, valid_entries, write_entry
from .modules import module_directories

RETRY_SECONDS = 3600  # the age after which an answer is renewed if a part of the archive could not be reached


class KernelName(StrEnum):
    """The kernels that a user can name without a version."""

    NEWEST = "newest"  # of all that the archive has
    DISTRO = "distro"  # the newest of this machine's own release
    HOST = "host"  # the running kernel


@dataclass(frozen=True)
class AvailableKernel:
    """A kernel in the archive: its release, and the suite that contains it."""

    release: str
    suite: Suite

    @property
    def series(self) -> str:
        """The first two numbers of the version."""
        return ".".join(self.release.split(".")[:2])


def kernel_directory(architecture: Architecture) -> Path:
    """Return the cache directory of the archive's kernels, with one entry for each, named by its release."""
    return cache_root() / "kernels" / architecture.machine


def version_key(release: str) -> list[int]:
    """Return the sort key of a kernel release: the numbers in it."""
    return [int(number) for number in re.findall(r"\d+", release)]


def matches_version(version: str, release: str) -> bool:
    """Return whether `release` is `version`, or begins with it as 6.1.0 does with 6.1 (6.12 does not)."""
    return release == version or (release.startswith(version) and not release[len(version)].isdigit())


def available_kernels(architecture: Architecture) -> list[AvailableKernel]:
    """Return the newest kernel of each series in all suites of the archive, oldest series first.

    The cache keeps the answer for a day, or for an hour if a part of the archive could not be reached. Without a
    network an older answer is used.

    Raises:
        InfrastructureError: the archive cannot be reached, and the cache has no answer.
    """
    cached = cache_root() / "apt" / f"offers-{architecture.name}.json"
    with locked(cached.name):
        known = _read_kernels(cached)
        if known and time.time() - cached.stat().st_mtime < LISTS_SECONDS:
            return known
        errors: list[str] = []
        kernels = _query_archive(architecture, errors, known)
        if not kernels:
            raise not_available_error("of any series", [], errors)
        modified = time.time() - LISTS_SECONDS + RETRY_SECONDS if errors else 0.0
        write_atomically(cached, json.dumps([asdict(kernel) for kernel in kernels]), modified=modified)
    return kernels


def _read_kernels(cached: Path) -> list[AvailableKernel]:
    """Return the kernels in the file `cached`; none if it is missing or damaged."""
    try:
        return [AvailableKernel(item["release"], Suite(**item["suite"])) for item in json.loads(cached.read_text())]
    except (OSError, ValueError, KeyError, TypeError):
        return []


def _query_archive(
    architecture: Architecture, errors: list[str], known: list[AvailableKernel]
) -> list[AvailableKernel]:
    """Ask every suite for the newest kernel of each series; return `known` if the archive cannot be reached."""
    newest: dict[str, AvailableKernel] = {}
    suites = candidate_suites("")
    for suite in suites:
        for kernel in _kernels_in(Apt(suite, architecture.name), errors):
            if kernel.series not in newest or version_key(kernel.release) > version_key(newest[kernel.series].release):
                newest[kernel.series] = kernel
        if errors and suite == suites[0]:  # it is a configured one: the others cannot be reached either
            return known
    return sorted(newest.values(), key=lambda kernel: version_key(kernel.release))


def _kernels_in(apt: Apt, errors: list[str]) -> list[AvailableKernel]:
    """Return the kernels in the suite of `apt`; problems are appended to `errors`."""
    pattern = rf"linux-image-(\d+\.\d+\.\d+\S*-(?:cloud-{apt.architecture}|generic))"
    try:
        if error := apt.update():
            errors.append(error)
        packages = apt.packages(pattern)
    except InfrastructureError as caught:
        errors.append(str(caught))
        return []
    return [AvailableKernel(package.removeprefix("linux-image-"), apt.suite) for package in packages]


def fetch_kernel(spec: str, architecture: Architecture) -> Kernel:
    """Download the newest kernel that `spec` names: a version or the beginning of one, `distro` or `newest`.

    The caller holds the lock of the kernels.

    Raises:
        InfrastructureError: the archive does not have the kernel, or cannot be reached.
    """
    if spec == KernelName.NEWEST:
        return download_kernel(available_kernels(architecture)[-1], architecture)
    if spec == KernelName.DISTRO:
        return _fetch_first(spec, configured_suites(), architecture, lambda _: True)
    return _fetch_first(spec, candidate_suites(spec), architecture, lambda release: matches_version(spec, release))


def _fetch_first(
    spec: str, suites: Sequence[Suite], architecture: Architecture, is_match: Callable[[str], bool]
) -> Kernel:
    """Download the newest kernel that matches from the first suite that has one."""
    all_series: set[str] = set()
    errors: list[str] = []
    for suite in suites:
        kernels = _kernels_in(Apt(suite, architecture.name), errors)
        all_series.update(kernel.series for kernel in kernels)
        matching = [kernel for kernel in kernels if is_match(kernel.release)]
        if matching:
            return download_kernel(max(matching, key=lambda kernel: version_key(kernel.release)), architecture)
    raise not_available_error(spec, all_series, errors)


def not_available_error(spec: str, all_series: Iterable[str], errors: Sequence[str]) -> InfrastructureError:
    """Return the error for a missing kernel `spec`: the series that the archive has, or why they are unknown."""
    available = sorted(all_series, key=version_key)
    if not available:
        return InfrastructureError(f"cannot download kernel {spec}: {'; '.join(errors)}")
    details = f" ({'; '.join(errors)})" if errors else ""
    return InfrastructureError(
        f"kernel {spec} not found: the apt archive of this machine has {', '.join(available)}{details}",
        hint=f"choose one of these, {NO_KERNEL_HINT}",
    )


def download_kernel(available: AvailableKernel, architecture: Architecture) -> Kernel:
    """Download the kernel `available` into the cache, unless the cache has it.

    The entry keeps the packages, because a program may need more modules later. If the archive has replaced the kernel
    since the package lists were downloaded, the newest kernel of the same series is used.

    Raises:
        InfrastructureError: the kernel cannot be downloaded or booted.
    """
    target = kernel_directory(architecture) / available.release
    if target in valid_entries(target.parent):
        return load_entry(target)
    apt = Apt(available.suite, architecture.name)
    try:
        return _download(apt, available.release, target, architecture)
    except InfrastructureError:  # apt has downloaded the package lists again
        same_series = [kernel for kernel in _kernels_in(apt, []) if kernel.series == available.series]
        newest = max(same_series, key=lambda kernel: version_key(kernel.release), default=available)
        if newest.release == available.release:
            raise
        return _download(apt, newest.release, target.with_name(newest.release), architecture)


def _download(apt: Apt, release: str, target: Path, architecture: Architecture) -> Kernel:
    package = f"linux-image-{release}"
    with new_directory(target) as work:
        tree = work / "tree"
        packages = work / "packages"
        for directory in (tree, packages):
            directory.mkdir()
        apt.unpack([package, *apt.kernel_dependencies(package)], packages, tree)
        images = [*tree.glob("boot/vmlinuz-*"), *tree.glob("**/modules/*/vmlinuz")]
        if not images:
            raise InfrastructureError(f"{package} and its dependencies contain no kernel image")
        source = KernelSource(release, apt.suite.name, architecture)
        write_entry(work, source, images[0], module_directories(tree, release))
        shutil.rmtree(tree)
    return load_entry(target)
