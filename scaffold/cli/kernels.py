# SPDX-License-Identifier: BSD-2-Clause
"""The command `ebpf-new kernels`."""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from scaffold.cli.options import ArchOption, complete_arch
from scaffold.cli.terminal import count, print_json

if TYPE_CHECKING:
    from scaffold.testing.kernel_store import CachedKernel, PruneResult
    from scaffold.vmtest.available import AvailableKernel

FETCH_COMMAND = "ebpf-new kernels fetch 6.1"


class GroupWithList(TyperGroup):
    """A group that runs `list` if it gets no arguments, or only options."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Insert `list` where it is the default."""
        if not args or (args[0].startswith("-") and args[0] not in ctx.help_option_names):
            args = ["list", *args]
        return super().parse_args(ctx, args)


kernels_app = typer.Typer(
    help="List, download and remove the kernels that virtual machines boot. Without a command, list them.",
    cls=GroupWithList, rich_markup_mode=None,
)  # fmt: skip


@kernels_app.command("list")
def list_kernels(
    arch: Annotated[
        str | None,
        typer.Option(
            metavar="ARCH", autocompletion=complete_arch,
            help="Show only the kernels for this architecture: amd64 or arm64. Default: both.",
        ),
    ] = None,
    cached: Annotated[
        bool, typer.Option("--cached", help="Show only the cache, and do not ask the apt archive.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of a table.")] = False,
) -> None:  # fmt: skip
    """List the kernels in the cache, and the newest kernel of each series in the apt archive.

    Exit status: 0 the kernels were listed, 2 wrong usage, 69 the archive is not available; then use --cached.
    """
    from scaffold.testing.kernel_store import cached_kernels, find_available_kernels
    from scaffold.testing.selection import guest_architectures

    architectures = guest_architectures(arch)
    available = {} if cached else find_available_kernels(architectures)
    kernels = cached_kernels(architectures)
    if as_json:
        print_json(_kernel_fields(kernels, available))
    else:
        _print_kernels(kernels, available)


@kernels_app.command("fetch")
def fetch_kernels(
    versions: Annotated[
        list[str],
        typer.Argument(
            metavar="V...", help='6.1, 6.12, newest, distro, ..., or "all" for the newest kernel of each series.',
            show_default=False,
        ),
    ],
    arch: ArchOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of lines.")] = False,
) -> None:  # fmt: skip
    """Download kernels into the cache, so that tests can run without a network.

    Exit status: 0 all kernels are in the cache, 2 wrong usage, 69 a kernel is not available. The kernels before it
    stay in the cache.
    """
    from scaffold.testing.kernel_store import fetch_kernels
    from scaffold.testing.selection import guest_architecture

    _print_fetched(fetch_kernels(versions, guest_architecture(arch)), as_json)


@kernels_app.command("prune")
def prune_kernels(
    older: Annotated[
        float, typer.Option(metavar="DAYS", min=0, help="Remove what was not used for this number of days.")
    ] = 30,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of a line.")] = False,
) -> None:
    """Remove kernels and saved guests that were not used recently from the cache.

    A test that needs a removed kernel downloads it again.

    Exit status: 0 the cache was pruned, 2 wrong usage.
    """
    from scaffold.testing.kernel_store import prune_kernels

    pruned = prune_kernels(older)
    if as_json:
        print_json(asdict(pruned), indent=None)
    else:
        _print_pruned(pruned)


def _kernel_fields(
    cached: "Sequence[CachedKernel]", available: "Mapping[str, Sequence[AvailableKernel]]"
) -> dict[str, object]:
    """Return the fields of the JSON output; `available` is by architecture."""
    return {
        "cached": [{**asdict(kernel), "path": str(kernel.path)} for kernel in cached],
        "offered": [
            {"series": kernel.series, "release": kernel.release, "arch": arch, "suite": kernel.suite.name}
            for arch, kernels in available.items()
            for kernel in kernels
        ],
    }


def _print_kernels(cached: "Sequence[CachedKernel]", available: "Mapping[str, Sequence[AvailableKernel]]") -> None:
    """Print a row for each kernel, by architecture and version; `available` is by architecture."""
    from rich import box
    from rich.console import Console
    from rich.table import Column, Table

    from scaffold.vmtest.available import version_key

    release = Column("Release", no_wrap=True, min_width=max((len(kernel.release) for kernel in cached), default=0))
    suite = Column("Suite", overflow="fold")
    table = Table("Series", "For", release, suite, "Cached", "Last used", box=box.SIMPLE_HEAD, pad_edge=False)
    rows: dict[tuple[str, str], tuple[str, ...]] = {
        (arch, kernel.release): (kernel.series, arch, kernel.release, kernel.suite.name, "", "")
        for arch, kernels in available.items()
        for kernel in kernels
    }
    for entry in cached:
        series = ".".join(entry.release.split(".")[:2])
        used = time.strftime("%Y-%m-%d", time.localtime(entry.used))
        rows[entry.arch, entry.release] = (series, entry.arch, entry.release, entry.suite, _megabytes(entry.size), used)
    for key in sorted(rows, key=lambda key: (key[0], version_key(key[1]))):
        table.add_row(*rows[key])
    Console().print(table)
    size = _megabytes(sum(entry.size for entry in cached))
    print(f"{count(len(cached), 'kernel')} in the cache, {size}. To download one: {FETCH_COMMAND}")


def _print_fetched(releases: Iterable[str], as_json: bool) -> None:
    """Print each release when it is in the cache, or all of them as JSON at the end."""
    fetched = []
    try:
        for release in releases:
            fetched.append(release)
            if not as_json:
                print(f"{release} is in the cache", flush=True)
    finally:  # the kernels before one that is not available are in the cache
        if as_json:
            print_json({"fetched": fetched}, indent=None)


def _print_pruned(pruned: "PruneResult") -> None:
    removed = [f"kernel {release}" for release in pruned.kernels]
    if pruned.guests:
        removed.append(count(pruned.guests, "saved guest"))
    if removed:
        print(f"Removed {', '.join(removed)}: {_megabytes(pruned.size)}")
    else:
        print("Nothing to remove: 0 MB")


def _megabytes(size: int) -> str:
    """Return `size`, in bytes, as text."""
    return f"{size / 1e6:.0f} MB"
