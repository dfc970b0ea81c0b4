# SPDX-License-Identifier: BSD-2-Clause
"""Which projects are tested on which kernels, and how the pairs are shared out over machines."""

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeVar

from scaffold.errors import UsageError
from scaffold.project.catalog import default_kernels, load_catalog
from scaffold.vmtest.architecture import ARCHITECTURES, Architecture, host_architecture
from scaffold.vmtest.run import listed_kernels, read_kernels

GITHUB_JOBS = 256  # the most that a matrix of GitHub Actions may have
T = TypeVar("T")


@dataclass(frozen=True)
class Case:
    """A project, as the user typed its directory, or a template by its name, and a kernel for it."""

    project: str
    kernel: str
    arch: str
    template: bool = False


@dataclass(frozen=True)
class Shard:
    """Part `number`, from 1, of `of` parts."""

    number: int
    of: int

    def __str__(self) -> str:
        return f"{self.number}/{self.of}"


def select_cases(
    directories: Sequence[Path] | None,
    templates: Sequence[str] | None,
    all_templates: bool,
    kernels: Sequence[str] | None,
    kernel_file: Path | None,
    arch: str | None,
) -> list[Case]:
    """Return the pairs that the user chose, project by project, each once; None is what was left open.

    Without directories and templates it is the project in the current directory. Kernels are those named, with those
    in `kernel_file`; or else what each project lists in test/kernels, and of a template the default ones. `arch` is
    the guests'; this machine's is the default.

    Raises:
        UsageError: a directory or file is not there, or a template or architecture is not known.
    """
    guests = guest_architecture(arch).name
    directories = directories or ([] if templates or all_templates else [Path()])
    for directory in directories:
        if not directory.is_dir():
            raise UsageError(f"{directory} is not a directory")
    known = load_catalog()
    for template in templates or ():
        if template not in known:
            raise UsageError(f"--template {template}: there are {', '.join(known)}")
    chosen = [*(kernels or ()), *_listed(kernel_file)]
    templates = list(known) if all_templates else templates or ()
    pairs = [
        Case(str(directory), kernel, guests) for directory in directories for kernel in chosen or _listed_in(directory)
    ]
    pairs += [Case(name, kernel, guests, template=True) for name in templates for kernel in chosen or default_kernels()]
    return list(dict.fromkeys(pairs))


def select_kernels(kernels: Sequence[str] | None, kernel_file: Path | None) -> list[str]:
    """Return the kernels named, with those in `kernel_file`, each once, or else those that new projects list.

    Raises:
        UsageError: the file is not there, or names none.
    """
    return list(dict.fromkeys([*(kernels or ()), *_listed(kernel_file)])) or default_kernels()


def guest_architecture(name: str | None) -> Architecture:
    """Return the architecture `name` of --arch; None is this machine's.

    Raises:
        UsageError: it is not known.
    """
    if name is None:
        return host_architecture()
    if name not in ARCHITECTURES:
        raise UsageError(f"--arch {name}: there are {' and '.join(ARCHITECTURES)}")
    return ARCHITECTURES[name]


def guest_architectures(name: str | None) -> list[Architecture]:
    """Return the same in a list, and all there are where none is named.

    Raises:
        UsageError: it is not known.
    """
    return list(ARCHITECTURES.values()) if name is None else [guest_architecture(name)]


def _listed_in(directory: Path) -> list[str]:
    try:
        return listed_kernels(directory)
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{directory}/test/kernels: {getattr(error, 'strerror', None) or error}") from error


def _listed(path: Path | None) -> list[str]:
    if path is None:
        return []
    try:
        kernels = read_kernels(path)
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"--kernels {path}: {getattr(error, 'strerror', None) or error}") from error
    if not kernels:
        raise UsageError(f"--kernels {path}: no kernel stands in it; write one a line, such as 6.1")
    return kernels


def parse_shard(text: str) -> Shard:
    """Return the shard that `text` names, such as 2/4.

    Raises:
        UsageError: it names none.
    """
    found = re.fullmatch(r"(\d{1,6})/(\d{1,6})", text, re.ASCII)
    if not found or not 1 <= int(found[1]) <= int(found[2]):
        raise UsageError(f"--shard {text!r}: say which of how many parts, from 1/4 to 4/4 for four")
    return Shard(int(found[1]), int(found[2]))


def shard_items(items: Sequence[T], shard: Shard) -> list[T]:
    """Return the part of `items` that `shard` names: a run of neighbours, as long as the others or longer by one.

    Neighbours, because those of one project are built once on each machine that has one of them.
    """
    begin, end = (len(items) * number // shard.of for number in (shard.number - 1, shard.number))
    return list(items[begin:end])


def select_shard(pairs: Sequence[Case], shard: str | None) -> list[Case]:
    """Return the pairs of the shard that the user named, or all of them without one.

    Raises:
        UsageError: it is no shard, or nothing is in it.
    """
    if shard is None:
        return list(pairs)
    found = shard_items(pairs, parse_shard(shard))
    if not found:
        raise UsageError(f"--shard {shard}: nothing is left for it, there are only {len(pairs)} pairs")
    return found


def strategy(pairs: Sequence[Case], shards: int | None) -> dict[str, object]:
    """Return what GitHub Actions takes as `strategy.matrix`: each pair, or each of `shards` shards, at most one a pair.

    Raises:
        UsageError: there would be more jobs than GitHub takes.
    """
    count = len(pairs) if shards is None else min(shards, len(pairs))
    if count > GITHUB_JOBS:
        raise UsageError(f"{count} jobs are more than the {GITHUB_JOBS} of a matrix: share them out with --shards N")
    if shards is None:
        return {"include": [asdict(pair) for pair in pairs]}
    return {"shard": [str(Shard(number, count)) for number in range(1, count + 1)]}
