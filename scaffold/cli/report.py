# SPDX-License-Identifier: BSD-2-Clause
"""The command `ebpf-new report`."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from scaffold.cli.options import HeatmapOption, JunitOption, SummaryOption

if TYPE_CHECKING:
    from scaffold.vmtest.verdict import Verdict

report_app = typer.Typer(help="Merge test results from several machines.", no_args_is_help=True, rich_markup_mode=None)


@report_app.command("merge")
def merge_reports(
    files: Annotated[
        list[Path],
        typer.Argument(metavar="FILE...", help='Output of "ebpf-new test --json"; - reads stdin.', show_default=False),
    ],
    expect: Annotated[
        int | None,
        typer.Option(metavar="N", min=1, help="Fail if there are fewer than N verdicts, so that no lost part passes."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object for each verdict.")] = False,
    junit: JunitOption = None,
    summary: SummaryOption = None,
    heatmap: HeatmapOption = None,
) -> None:  # fmt: skip
    """Merge the results of several machines into one report.

    Exit status: 0 all tests passed, 1 a program failed, 2 wrong usage, 69 a machine could not run a test or there are
    fewer verdicts than expected.
    """
    from scaffold.testing.report.merge import read_results, reject_incomplete
    from scaffold.testing.report.outputs import Outputs
    from scaffold.vmtest.verdict import exit_status

    with Outputs(junit, summary, heatmap, expect, read_results(files)) as outputs:
        _print_results(outputs.verdicts, outputs.missing, as_json)
    reject_incomplete(len(outputs.verdicts), outputs.missing)
    raise typer.Exit(exit_status(outputs.verdicts))


def _print_results(verdicts: "Sequence[Verdict]", missing: int, as_json: bool) -> None:
    """Print `verdicts` as JSON lines; or as a table, the failures, and a line with the counts and `missing`."""
    from scaffold.vmtest.verdict import as_json as verdict_json

    if as_json:
        for verdict in verdicts:
            print(verdict_json(verdict))
        return
    from rich.console import Console
    from rich.text import Text

    from scaffold.testing.report.counts import headline
    from scaffold.testing.report.table import fitting_table
    from scaffold.vmtest.verdict import Outcome, as_text

    console = Console()
    if verdicts:
        console.print(fitting_table(verdicts, console))
    for verdict in verdicts:
        if verdict.verdict != Outcome.PASS:
            console.print(Text(as_text(verdict)), soft_wrap=True)
    print(headline(verdicts, missing))
