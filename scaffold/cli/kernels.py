# SPDX-License-Identifier: BSD-2-Clause
"""The command `ebpf-new kernels`: reads the arguments, calls one function, prints."""

from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from scaffold.cli.options import ArchOption


class DefaultToList(TyperGroup):
    """A group that lists when it is given nothing, or options alone."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put `list` before such arguments."""
        if not args or (args[0].startswith("-") and args[0] not in ctx.help_option_names):
            args = ["list", *args]
        return super().parse_args(ctx, args)


kernels_app = typer.Typer(
    help="The kernels of the guests: what is in the cache, and what the archive of this machine has."
    " Without a further command: list them.",
    cls=DefaultToList, rich_markup_mode=None,
)  # fmt: skip


@kernels_app.command("list")
def list_kernels(
    arch: ArchOption = None,
    cached: Annotated[
        bool, typer.Option("--cached", help="Only what is in the cache: asks the archive nothing.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of a table.")] = False,
) -> None:
    """Show the kernels in the cache, and the newest of each series that the archive has."""
    from scaffold.cli.show import show_kernels
    from scaffold.testing.kernel_store import cached_kernels, find_available_kernels
    from scaffold.testing.selection import guest_architectures

    architectures = guest_architectures(arch)
    offers = {} if cached else find_available_kernels(architectures)
    show_kernels(cached_kernels(architectures), offers, as_json)


@kernels_app.command("fetch")
def fetch_kernels(
    versions: Annotated[
        list[str],
        typer.Argument(
            metavar="V...", help='6.1, 6.12, newest, distro, ..., or "all" for the newest of each series.',
            show_default=False,
        ),
    ],
    arch: ArchOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of lines.")] = False,
) -> None:  # fmt: skip
    """Bring kernels into the cache, to work without a network later."""
    from scaffold.cli.show import show_fetched
    from scaffold.testing.kernel_store import fetch_kernels
    from scaffold.testing.selection import guest_architecture

    show_fetched(fetch_kernels(versions, guest_architecture(arch)), as_json)


@kernels_app.command("prune")
def prune_kernels(
    older: Annotated[
        float, typer.Option(metavar="DAYS", min=0, help="Remove what nothing has used for so many days.")
    ] = 30,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of a line.")] = False,
) -> None:
    """Remove the kernels and saved guests that were not used lately from the cache."""
    from scaffold.cli.show import show_pruned
    from scaffold.testing.kernel_store import prune_kernels

    show_pruned(prune_kernels(older), as_json)
