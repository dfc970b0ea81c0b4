# SPDX-License-Identifier: BSD-2-Clause
"""The command `ebpf-new test`."""

from pathlib import Path
from typing import Annotated

import typer

from scaffold.cli.options import (
    AllTemplatesOption,
    ArchOption,
    DirectoriesArgument,
    HeatmapOption,
    JobsOption,
    JunitOption,
    KernelOption,
    KernelsOption,
    LogsOption,
    RetryOption,
    SummaryOption,
    TemplateOption,
    UnlimitedMemoryOption,
)
from scaffold.cli.terminal import print_events, print_note


def test_projects(
    directories: DirectoriesArgument = None,
    template: TemplateOption = None,
    all_templates: AllTemplatesOption = False,
    kernel: KernelOption = None,
    kernels: KernelsOption = None,
    arch: ArchOption = None,
    jobs: JobsOption = None,
    shard: Annotated[
        str | None,
        typer.Option(metavar="I/N", help="Run only part I of N. Other machines can run the other parts."),
    ] = None,
    vmtest: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", exists=True, dir_okay=False,
            help="Manifest for projects without a test/vmtest.toml: the files to copy into the virtual machine, and"
            " the output to expect there.",
        ),
    ] = None,
    fail_fast: Annotated[
        bool, typer.Option("--fail-fast", help="Stop after the first test that does not pass.")
    ] = False,
    retry_infra: RetryOption = 0,
    sandbox: Annotated[
        bool,
        typer.Option(
            "--sandbox",
            help="Build a copy of each project in a sandbox without network access. Use it for projects that you do"
            " not trust.",
        ),
    ] = False,
    unlimited_memory: UnlimitedMemoryOption = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object for each project and kernel when its test ends.")
    ] = False,
    junit: JunitOption = None,
    summary: SummaryOption = None,
    heatmap: HeatmapOption = None,
    logs: LogsOption = None,
) -> None:  # fmt: skip
    """Build projects, boot kernels in virtual machines, and check that each program reports its event.

    Without DIR and --template, the command tests the project in the current directory.

    Exit status: 0 all tests passed, 1 a program failed, 2 wrong usage, 69 this machine could not run a test.
    """
    from contextlib import closing, nullcontext

    from scaffold.testing.engine import default_parallelism, log_directory, run_jobs
    from scaffold.testing.plan import plan_jobs
    from scaffold.testing.report.outputs import Outputs
    from scaffold.testing.sandbox.limits import Limits
    from scaffold.testing.sandbox.toolchain import sandboxed_builds
    from scaffold.testing.schedule import Policy
    from scaffold.testing.selection import select_cases, select_shard
    from scaffold.vmtest.verdict import exit_status

    cases = select_cases(directories, template, all_templates, kernel, kernels, arch)
    policy = Policy(jobs or default_parallelism(), retry_infra, fail_fast)
    with (
        plan_jobs(select_shard(cases, shard), cases, vmtest) as runs,
        Outputs(junit, summary, heatmap, len(runs)) as outputs,
        sandboxed_builds([run.manifest for run in runs], Limits(), unlimited_memory, False, print_note)
        if sandbox
        else nullcontext() as builds,
        closing(run_jobs(runs, policy, logs or log_directory(), builds)) as events,
    ):
        print_events(events, len(runs), as_json, outputs.verdicts)
    raise typer.Exit(exit_status(outputs.verdicts))
