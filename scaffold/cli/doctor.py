# SPDX-License-Identifier: BSD-2-Clause
"""The command `ebpf-new doctor`."""

from typing import Annotated

import typer

from scaffold.cli.options import complete_framework


def doctor(
    framework: Annotated[
        list[str] | None,
        typer.Option(
            "--framework", "-f", metavar="FRAMEWORK", autocompletion=complete_framework,
            help="Check only for the tools of this framework. Repeat it for more. Default: all frameworks.",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of lines.")] = False,
) -> None:  # fmt: skip
    """Check that this machine can build projects, run them, and test them in a VM.

    Each problem is followed by the command that fixes it. The doctor itself changes nothing, and needs no root and no
    network. In a project, "make doctor" does the same for that project.
    Exit status: 0 nothing is missing (warnings are possible), 1 something is missing, 2 wrong usage.
    """
    from scaffold.cli.doctor_adapter import check_for_frameworks
    from scaffold.doctor.report import exit_status, print_findings, to_json
    from scaffold.project.catalog import load_catalog

    diagnosis = check_for_frameworks(framework or (), load_catalog())
    if as_json:
        print(to_json(diagnosis.findings, diagnosis.frameworks))
    else:
        print_findings(diagnosis.findings, diagnosis.frameworks, diagnosis.packages_fix)
    raise typer.Exit(exit_status(diagnosis.findings))
