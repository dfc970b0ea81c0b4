# SPDX-License-Identifier: BSD-2-Clause
"""The command line: reads the arguments, calls one function, prints, and chooses the exit code."""

import gc
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from scaffold import __version__
from scaffold.cli.course import course_app
from scaffold.cli.doctor import doctor
from scaffold.cli.kernels import kernels_app
from scaffold.cli.new import new
from scaffold.cli.options import (
    AllTemplatesOption,
    ArchOption,
    AuthorOption,
    DirectoriesArgument,
    EmailOption,
    GitOption,
    HeatmapOption,
    JobsOption,
    JunitOption,
    KernelOption,
    KernelsOption,
    LangOption,
    LicenseOption,
    LogsOption,
    OwnersOption,
    ProgramOption,
    RetryOption,
    SummaryOption,
    TemplateOption,
    UnlimitedMemoryOption,
    WithChoices,
)
from scaffold.cli.prompts import on_terminal
from scaffold.cli.update import update_project
from scaffold.errors import EbpfNewError, InvalidAnswersError

PROGRAM = "ebpf-new"
MOST_PROBLEMS = 50  # so many are printed
GROUP_OPTIONS = {"--help", "-h", "--version", "--install-completion", "--show-completion"}


class DefaultToNew(TyperGroup):
    """A group in which a first argument that is no command is the NAME of a new project.

    On a terminal no argument at all is a project whose name is asked for.
    """

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put `new` before such arguments."""
        if args[0] not in {*GROUP_OPTIONS, *self.commands} if args else on_terminal():
            args = ["new", *args]
        return super().parse_args(ctx, args)


app = typer.Typer(
    name=PROGRAM,
    cls=DefaultToNew,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    no_args_is_help=True,
    subcommand_metavar="NAME | COMMAND [ARGS]...",
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(PROGRAM, __version__)
        raise typer.Exit


report_app = typer.Typer(help="Work with the results of many runs.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(report_app, name="report")
app.add_typer(kernels_app, name="kernels")
app.add_typer(course_app, name="course")


@app.callback()
def ebpf_new(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and stop.")
    ] = False,
) -> None:
    """Make an eBPF project that builds, runs, and tests itself in a virtual machine.

    "ebpf-new NAME" is short for "ebpf-new new NAME"; see "ebpf-new new --help" for its options.
    "ebpf-new" alone asks for what is needed, on a terminal.
    """


app.command(cls=WithChoices)(new)
app.command("update")(update_project)
app.command("doctor")(doctor)


@app.command("list")
def list_frameworks(
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object with all that is known instead of a table.")
    ] = False,
) -> None:
    """Show the frameworks: language, what each needs and makes, and when to choose it."""
    from scaffold.cli.show import show_catalog
    from scaffold.project.catalog import load_catalog

    show_catalog(load_catalog(), as_json)


@app.command("export", cls=WithChoices)
def export_templates(
    directory: Annotated[
        Path,
        typer.Argument(
            metavar="DIR", help="Make FRAMEWORK-starter in this directory for each framework.", show_default=False
        ),
    ],
    owner: OwnersOption = None,
    program: ProgramOption = None,
    author: AuthorOption = None,
    email: EmailOption = None,
    license: LicenseOption = None,
    lang: LangOption = None,
    git: GitOption = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object on stdout (path, repositories) instead of text.")
    ] = False,
) -> None:  # fmt: skip
    """Make a repository of every framework for GitHub's "Use this template".

    What somebody makes from one there takes its own name by itself, and is then what "ebpf-new NAME" would have
    made. All repositories appear, each as a whole, or none.
    """
    from scaffold.cli.show import show_exported
    from scaffold.generate.export import export, plan_exports
    from scaffold.project.answers import fill_answers, read_configuration
    from scaffold.project.catalog import load_catalog
    from scaffold.project.request import ProjectRequest

    common = ProjectRequest(directory, None, program, license, None, author, email, owner, None, git, lang)
    common = fill_answers(common, [read_configuration()])
    show_exported(export(plan_exports(directory, common, load_catalog())), as_json)


@app.command("test")
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
        typer.Option(metavar="I/N", help="Do the I-th of N parts, as other machines do the others."),
    ] = None,
    vmtest: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", exists=True, dir_okay=False,
            help="What to put into the guest and what to see there, for projects without a test/vmtest.toml.",
        ),
    ] = None,
    fail_fast: Annotated[bool, typer.Option("--fail-fast", help="Stop at the first that does not pass.")] = False,
    retry_infra: RetryOption = 0,
    sandbox: Annotated[
        bool,
        typer.Option(
            "--sandbox",
            help="Build in a sandbox without a network, in a copy of the project. For projects that you do not trust.",
        ),
    ] = False,
    unlimited_memory: UnlimitedMemoryOption = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print a JSON object for each project and kernel as soon as it is known.")
    ] = False,
    junit: JunitOption = None,
    summary: SummaryOption = None,
    heatmap: HeatmapOption = None,
    logs: LogsOption = None,
) -> None:  # fmt: skip
    """Build projects, boot kernels in virtual machines, and check that the event of each is seen.

    Without a DIR or template it is the project in the current directory. Exit status: 0 all passed, 1 a program
    failed, 2 wrong usage, 69 this machine cannot run a test.
    """
    from contextlib import closing, nullcontext

    from scaffold.cli.show_test import say, show_test
    from scaffold.testing.engine import default_parallelism, log_directory, run_jobs
    from scaffold.testing.plan import plan_jobs
    from scaffold.testing.report.outputs import Outputs
    from scaffold.testing.sandbox.limits import Limits
    from scaffold.testing.sandbox.toolchain import sandboxed_builds
    from scaffold.testing.schedule import Policy
    from scaffold.testing.selection import select_cases, select_shard
    from scaffold.vmtest.verdict import exit_status

    pairs = select_cases(directories, template, all_templates, kernel, kernels, arch)
    rules = Policy(jobs or default_parallelism(), retry_infra, fail_fast)
    with (
        plan_jobs(select_shard(pairs, shard), pairs, vmtest) as runs,
        Outputs(junit, summary, heatmap, len(runs)) as outputs,
        sandboxed_builds([run.manifest for run in runs], Limits(), unlimited_memory, False, say)
        if sandbox
        else nullcontext() as builds,
        closing(run_jobs(runs, rules, logs or log_directory(), builds)) as events,
    ):
        show_test(events, len(runs), as_json, outputs.verdicts)
    raise typer.Exit(exit_status(outputs.verdicts))


@app.command("matrix")
def show_matrix(
    directories: DirectoriesArgument = None,
    template: TemplateOption = None,
    all_templates: AllTemplatesOption = False,
    kernel: KernelOption = None,
    kernels: KernelsOption = None,
    arch: ArchOption = None,
    shards: Annotated[
        int | None,
        typer.Option(metavar="N", min=1, help='Share them out over N machines at most, for "ebpf-new test --shard".'),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print what strategy.matrix takes in GitHub Actions, by fromJSON.")
    ] = False,
) -> None:  # fmt: skip
    """Show the pairs of project and kernel that "ebpf-new test" would run with the same arguments."""
    from scaffold.cli.show import show_strategy
    from scaffold.testing.selection import select_cases, strategy

    pairs = select_cases(directories, template, all_templates, kernel, kernels, arch)
    show_strategy(pairs, strategy(pairs, shards) if as_json else None)


@report_app.command("merge")
def merge_reports(
    files: Annotated[
        list[Path],
        typer.Argument(metavar="FILE...", help='What "ebpf-new test --json" printed; - is stdin.', show_default=False),
    ],
    expect: Annotated[
        int | None,
        typer.Option(metavar="N", min=1, help="Fail unless there are N verdicts: a lost part is no success."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON object for each verdict.")] = False,
    junit: JunitOption = None,
    summary: SummaryOption = None,
    heatmap: HeatmapOption = None,
) -> None:  # fmt: skip
    """Join the results of many machines into one report.

    Exit status: as of "ebpf-new test", and 69 if there are fewer verdicts than expected.
    """
    from scaffold.cli.show_test import show_results
    from scaffold.testing.report.merge import read_results, reject_incomplete
    from scaffold.testing.report.outputs import Outputs
    from scaffold.vmtest.verdict import exit_status

    with Outputs(junit, summary, heatmap, expect, read_results(files)) as outputs:
        show_results(outputs.verdicts, outputs.missing, as_json)
    reject_incomplete(len(outputs.verdicts), outputs.missing)
    raise typer.Exit(exit_status(outputs.verdicts))


def main() -> None:
    """Run the command and end the process with its exit code."""
    gc.disable()  # a process of a third of a second has nothing to collect, but a tenth of it to lose
    if signal.getsignal(signal.SIGINT) is signal.SIG_DFL:  # as __main__.py leaves it
        signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, _stop)
    signal.signal(signal.SIGHUP, _stop)
    try:
        app(prog_name=PROGRAM)
    except InvalidAnswersError as error:
        print(f"{PROGRAM}: nothing was made:", file=sys.stderr)
        for problem in error.problems[:MOST_PROBLEMS]:
            print(f"  {problem}", file=sys.stderr)
        if len(error.problems) > MOST_PROBLEMS:
            print(f"  and {len(error.problems) - MOST_PROBLEMS} more", file=sys.stderr)
        sys.exit(error.exit_code)
    except EbpfNewError as error:
        print(f"{PROGRAM}: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    except OSError as error:
        print(f"{PROGRAM}: {error}", file=sys.stderr)
        sys.exit(EbpfNewError.exit_code)
    except KeyboardInterrupt:
        sys.exit(128 + signal.SIGINT)


def _stop(signum: int, _frame: FrameType | None) -> None:
    # As an exception, so that what is half made is taken away on the way out.
    sys.exit(128 + signum)
