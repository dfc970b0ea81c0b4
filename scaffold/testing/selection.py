# SPDX-License-Identifier: BSD-2-Clause
"""Select the projects and kernels to test, and split them into shards for several machines."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeVar

from scaffold.errors import UsageError
from scaffold.project.catalog import default_kernels, load_catalog
from scaffold.vmtest.architecture import ARCHITECTURES, Architecture, host_architecture
from scaffold.vmtest.run import listed_kernels, read_kernels

MAX_GITHUB_JOBS = 256  # in one matrix
T = TypeVar("T")


@dataclass(frozen=True)
class Case:
    """One project on one kernel. These fields are the keys of an entry in the matrix of GitHub Actions."""

    project: str  # a directory as the user typed it, or the name of a template
    kernel: str
    arch: str
    template: bool = False


@dataclass(frozen=True)
class Shard:
    """Part `number` of `count` parts, counted from 1; written as `2/4`."""

    number: int
    count: int

    def __str__(self) -> str:
        return f"{self.number}/{self.count}"


def select_cases(
    directories: Sequence[Path] | None,
    templates: Sequence[str] | None,
    all_templates: bool,
    kernels: Sequence[str] | None,
    kernel_file: Path | None,
    arch: str | None,
) -> list[Case]:
    """Return the cases for the given projects and kernels, project by project, without duplicates.

    None means that the user did not give the option. Without `directories` and templates, the project is the current
    directory. Without `kernels` and `kernel_file`, a project's kernels are those in its test/kernels, and a template's
    are the default ones. `arch` is the architecture of the guests; its default is that of this machine.

    Raises:
        UsageError: a directory or file is missing, or a template or architecture is unknown.
    """
    guest_arch = guest_architecture(arch).name
    directories = directories or ([] if templates or all_templates else [Path()])
    for directory in directories:
        if not directory.is_dir():
            raise UsageError(f"{directory} is not a directory", hint="give the directory of a project")
    known = load_catalog()
    for template in templates or ():
        if template not in known:
            raise UsageError(f"--template {template}: unknown template", hint=f"choose one of {', '.join(known)}")
    selected = [*(kernels or ()), *_kernels_in_file(kernel_file)]
    templates = list(known) if all_templates else templates or ()
    cases = [
        Case(str(directory), kernel, guest_arch)
        for directory in directories
        for kernel in selected or _kernels_of_project(directory)
    ]
    cases += [
        Case(name, kernel, guest_arch, template=True) for name in templates for kernel in selected or default_kernels()
    ]
    return list(dict.fromkeys(cases))


def select_kernels(kernels: Sequence[str] | None, kernel_file: Path | None) -> list[str]:
    """Return `kernels` and those in `kernel_file` without duplicates, or the default kernels if neither is given.

    Raises:
        UsageError: the file cannot be read, or lists no kernel.
    """
    return list(dict.fromkeys([*(kernels or ()), *_kernels_in_file(kernel_file)])) or default_kernels()


def guest_architecture(name: str | None) -> Architecture:
    """Return the architecture with Debian's `name`, or this machine's if that is None.

    Raises:
        UsageError: the name is unknown.
    """
    if name is None:
        return host_architecture()
    if name not in ARCHITECTURES:
        raise UsageError(f"--arch {name}: unknown architecture", hint=f"choose {' or '.join(ARCHITECTURES)}")
    return ARCHITECTURES[name]


def guest_architectures(name: str | None) -> list[Architecture]:
    """Return the architecture with Debian's `name` in a list, or all architectures if that is None.

    Raises:
        UsageError: the name is unknown.
    """
    return list(ARCHITECTURES.values()) if name is None else [guest_architecture(name)]


def _kernels_of_project(directory: Path) -> list[str]:
    with _read_errors_as_usage_errors(f"{directory}/test/kernels"):
        return listed_kernels(directory)


def _kernels_in_file(path: Path | None) -> list[str]:
    if path is None:
        return []
    with _read_errors_as_usage_errors(f"--kernels {path}"):
        kernels = read_kernels(path)
    if not kernels:
        raise UsageError(f"--kernels {path}: the file lists no kernel", hint="write one kernel per line, such as 6.1")
    return kernels


@contextmanager
def _read_errors_as_usage_errors(label: str) -> Iterator[None]:
    try:
        yield
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UsageError(f"{label}: cannot read the file: {reason}") from error


def parse_shard(text: str) -> Shard:
    """Return the shard that `text` names, such as 2/4.

    Raises:
        UsageError: `text` is not of this form, or its number is not between 1 and the count.
    """
    match = re.fullmatch(r"(\d{1,6})/(\d{1,6})", text, re.ASCII)
    if not match or not 1 <= int(match[1]) <= int(match[2]):
        raise UsageError(f"--shard {text!r}: expected I/N with I from 1 to N", hint="for four machines: 1/4 to 4/4")
    return Shard(int(match[1]), int(match[2]))


def shard_items(items: Sequence[T], shard: Shard) -> list[T]:
    """Return the part of `items` for `shard`. Parts are contiguous, and their lengths differ by at most one.

    Contiguous parts keep the cases of a project together, so that few machines build the same project.
    """
    begin, end = (len(items) * number // shard.count for number in (shard.number - 1, shard.number))
    return list(items[begin:end])


def select_shard(cases: Sequence[Case], shard: str | None) -> list[Case]:
    """Return the part of `cases` for `shard`, such as 2/4, or all of them if that is None.

    Raises:
        UsageError: `shard` is invalid, or its part is empty.
    """
    if shard is None:
        return list(cases)
    part = shard_items(cases, parse_shard(shard))
    if not part:
        raise UsageError(
            f"--shard {shard}: this part of {len(cases)} cases is empty", hint=f"use at most {len(cases)} parts"
        )
    return part


def github_matrix(cases: Sequence[Case], shards: int | None) -> dict[str, object]:
    """Return the value of `strategy.matrix` for GitHub Actions: one job for each case, or for each of `shards` shards.

    There are never more shards than cases. Source of the format: jobs.<job_id>.strategy.matrix in GitHub's workflow
    syntax.

    Raises:
        UsageError: there are more jobs than GitHub allows.
    """
    count = len(cases) if shards is None else min(shards, len(cases))
    if count > MAX_GITHUB_JOBS:
        raise UsageError(
            f"{count} jobs are more than the {MAX_GITHUB_JOBS} that a matrix of GitHub Actions may contain",
            hint=f"split the cases into at most {MAX_GITHUB_JOBS} parts with --shards N",
        )
    if shards is None:
        return {"include": [asdict(case) for case in cases]}
    return {"shard": [str(Shard(number, count)) for number in range(1, count + 1)]}
