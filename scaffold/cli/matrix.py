# SPDX-License-Identifier: BSD-2-Clause
"""The command `ebpf-new matrix`."""

from typing import Annotated

import typer

from scaffold.cli.options import (
    AllTemplatesOption,
    ArchOption,
    DirectoriesArgument,
    KernelOption,
    KernelsOption,
    TemplateOption,
)
from scaffold.cli.terminal import count, print_json


def print_matrix(
    directories: DirectoriesArgument = None,
    template: TemplateOption = None,
    all_templates: AllTemplatesOption = False,
    kernel: KernelOption = None,
    kernels: KernelsOption = None,
    arch: ArchOption = None,
    shards: Annotated[
        int | None,
        typer.Option(metavar="N", min=1, help='Distribute the cases over N machines, for "ebpf-new test --shard".'),
    ] = None,
    as_json: Annotated[
        bool,
        typer.Option("--json", help="Print the value of strategy.matrix for GitHub Actions; read it with fromJSON."),
    ] = False,
) -> None:  # fmt: skip
    """Print the cases (a project and a kernel each) that "ebpf-new test" tests with the same arguments.

    Exit status: 0 the cases were printed, 2 wrong usage.
    """
    from scaffold.testing.selection import github_matrix, select_cases

    cases = select_cases(directories, template, all_templates, kernel, kernels, arch)
    if as_json:
        print_json(github_matrix(cases, shards), indent=None)
        return
    for case in cases:
        print(f"{'template ' if case.template else ''}{case.project} on {case.kernel} ({case.arch})")
    print(count(len(cases), "case"))
