# SPDX-License-Identifier: BSD-2-Clause
"""Which kernels the archive has, and getting one of them into the cache."""

import json
import os
import re
import shutil
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from .apt import LISTS_SECONDS, Apt, Suite, candidate_suites, own_suites
from .architecture import Architecture
from .cache import cache_root, locked, new_directory
from .errors import InfrastructureError
from .files import write_atomically
from .kernel_cache import Kernel, KernelSource, load_entry, whole_entries, write_entry
from .modules import module_trees

TROUBLE_SECONDS = 3600  # after which the archive is asked again when a part of it was out of reach
NO_KERNEL_HINT = (
    "name another with --kernel, give the path of a kernel, --kernel host, or work in a container"
    " (make in-container T=test)"
)


@dataclass(frozen=True)
class AvailableKernel:
    """A kernel that the archive has: its release, and the suite that holds it."""

    release: str
    suite: Suite

    @property
    def series(self) -> str:
        """Return the first two numbers of its version."""
        return ".".join(self.release.split(".")[:2])


def kernel_store(architecture: Architecture) -> Path:
    """Return the directory of the kernels that came from the archive: an entry for each, called by its release."""
    return cache_root() / "kernels" / architecture.machine


def version_key(release: str) -> list[int]:
    """Return what releases are ordered by."""
    return [int(number) for number in re.findall(r"\d+", release)]


def matches(spec: str, release: str) -> bool:
    """Say whether `release` is of the version, or part of one, that `spec` is."""
    return release == spec or (release.startswith(spec) and not release[len(spec)].isdigit())


def available_kernels(architecture: Architecture) -> list[AvailableKernel]:
    """Return the newest kernel of each series in all suites of the archive, oldest series first.

    The answer is kept for a day, and for an hour when a part of the archive was out of reach. Without a network an
    older one does.

    Raises:
        InfrastructureError: nothing is known and the archive is out of reach.
    """
    kept = cache_root() / "apt" / f"offers-{architecture.name}.json"
    with locked(kept.name):
        known = _read_offers(kept)
        if known and time.time() - kept.stat().st_mtime < LISTS_SECONDS:
            return known
        troubles: list[str] = []
        offers = _ask_for_offers(architecture, troubles, known)
        if not offers:
            raise InfrastructureError(not_available_message("of any series", [], troubles))
        write_atomically(kept, json.dumps([asdict(offer) for offer in offers]))
        if troubles:
            asked = time.time() - LISTS_SECONDS + TROUBLE_SECONDS
            os.utime(kept, (asked, asked))
    return offers


def _read_offers(kept: Path) -> list[AvailableKernel]:
    try:
        return [AvailableKernel(each["release"], Suite(**each["suite"])) for each in json.loads(kept.read_text())]
    except (OSError, ValueError, KeyError, TypeError):
        return []  # nothing was kept, or it is damaged


def _ask_for_offers(
    architecture: Architecture, troubles: list[str], known: list[AvailableKernel]
) -> list[AvailableKernel]:
    """Ask every suite for the newest kernel of each series; `known` is what to say when none is in reach."""
    newest: dict[str, AvailableKernel] = {}
    suites = candidate_suites("")
    for suite in suites:
        for offer in _offers_of(Apt(suite, architecture.name), troubles):
            if offer.series not in newest or version_key(offer.release) > version_key(newest[offer.series].release):
                newest[offer.series] = offer
        if troubles and suite == suites[0]:  # this machine's own: nor are the others in reach
            return known
    return sorted(newest.values(), key=lambda offer: version_key(offer.release))


def _offers_of(apt: Apt, troubles: list[str]) -> list[AvailableKernel]:
    pattern = rf"linux-image-(\d+\.\d+\.\d+\S*-(?:cloud-{apt.architecture}|generic))"
    try:
        if trouble := apt.update():
            troubles.append(trouble)
        packages = apt.packages(pattern)
    except InfrastructureError as trouble:
        troubles.append(str(trouble))
        return []
    return [AvailableKernel(package.removeprefix("linux-image-"), apt.suite) for package in packages]


def fetch(spec: str, architecture: Architecture) -> Kernel:
    """Download the newest kernel that `spec` names: a version, or part of one, `distro` or `newest`.

    The caller holds the lock of the kernels.

    Raises:
        InfrastructureError: the archive has none, or is out of reach.
    """
    if spec == "newest":
        return install(available_kernels(architecture)[-1], architecture)
    series = "" if spec == "distro" else spec
    suites = own_suites() if spec == "distro" else candidate_suites(series)
    return _fetch_first(spec, suites, architecture, lambda release: not series or matches(series, release))


def _fetch_first(
    spec: str, suites: Sequence[Suite], architecture: Architecture, wanted: Callable[[str], bool]
) -> Kernel:
    """Install the newest kernel that is `wanted` from the first suite that has one."""
    seen: set[str] = set()
    troubles: list[str] = []
    for suite in suites:
        offers = _offers_of(Apt(suite, architecture.name), troubles)
        seen.update(offer.series for offer in offers)
        found = [offer for offer in offers if wanted(offer.release)]
        if found:
            return install(max(found, key=lambda offer: version_key(offer.release)), architecture)
    raise InfrastructureError(not_available_message(spec, seen, troubles))


def not_available_message(spec: str, offered: Iterable[str], troubles: Sequence[str]) -> str:
    """Return what to say when there is no kernel `spec`: which series there are, or what kept from knowing."""
    series = sorted(offered, key=version_key)
    if not series:
        return f"kernel {spec} cannot be fetched: {'; '.join(troubles)}"
    there = f"the archive of this machine has no kernel {spec}; it has {', '.join(series)}"
    failed = f" ({'; '.join(troubles)})" if troubles else ""
    return f"{there}{failed}: {NO_KERNEL_HINT}"


def install(offer: AvailableKernel, architecture: Architecture) -> Kernel:
    """Download the kernel of `offer` into the cache, unless it is there.

    The packages stay beside it, for modules that a program may need later. If the archive has replaced it since the
    lists were fetched, what it has of the same series now is taken.

    Raises:
        InfrastructureError: it cannot be downloaded, or is not what boots.
    """
    target = kernel_store(architecture) / offer.release
    if target in whole_entries(target.parent):
        return load_entry(target)
    apt = Apt(offer.suite, architecture.name)
    try:
        return _install(apt, offer.release, target, architecture)
    except InfrastructureError:  # apt has fetched its lists again by now
        same = [each for each in _offers_of(apt, []) if each.series == offer.series]
        newer = max(same, key=lambda each: version_key(each.release), default=offer)
        if newer.release == offer.release:
            raise
        return _install(apt, newer.release, target.with_name(newer.release), architecture)


def _install(apt: Apt, release: str, target: Path, architecture: Architecture) -> Kernel:
    package = f"linux-image-{release}"
    with new_directory(target) as work:
        tree = work / "tree"
        packages = work / "packages"
        for directory in (tree, packages):
            directory.mkdir()
        apt.unpack([package, *apt.companions(package)], packages, tree)
        images = [*tree.glob("boot/vmlinuz-*"), *tree.glob("**/modules/*/vmlinuz")]
        if not images:
            raise InfrastructureError(f"{package} and what it depends on hold no kernel image")
        write_entry(work, KernelSource(release, apt.suite.name, architecture), images[0], module_trees(tree, release))
        shutil.rmtree(tree)
    return load_entry(target)
