# SPDX-License-Identifier: BSD-2-Clause
"""The command `ebpf-new doctor`: reads the arguments, calls one function, prints."""

from typing import Annotated

import typer

from scaffold.cli.options import complete_framework


def doctor(
    framework: Annotated[
        list[str] | None,
        typer.Option(
            "--framework", "-f", metavar="FRAMEWORK", autocompletion=complete_framework,
            help="Look only for the tools of this framework. Again for each further one. Default: of all.",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of lines.")] = False,
) -> None:  # fmt: skip
    """Say what this machine lacks to build projects, run them here, and test them, and which command mends it.

    Nothing is installed or changed, and no root or network is needed. In a project "make doctor" does the same.
    Exit status: 0 nothing is missing (warnings may be there), 1 something is, 2 wrong usage.
    """
    from scaffold.cli.doctor_adapter import check_up
    from scaffold.doctor.report import as_json as in_json
    from scaffold.doctor.report import exit_status, print_findings
    from scaffold.project.catalog import load_catalog

    found = check_up(framework or (), load_catalog())
    if as_json:
        print(in_json(found.findings, found.frameworks))
    else:
        print_findings(found.findings, found.frameworks, found.install)
    raise typer.Exit(exit_status(found.findings))
