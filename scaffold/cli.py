# SPDX-License-Identifier: BSD-2-Clause
"""The command line: reads the arguments, calls one function, prints, and chooses the exit code."""

import gc
import signal
import sys
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from scaffold import __version__
from scaffold.errors import BadAnswers, EbpfNewError, UsageError

PROGRAM = "ebpf-new"
GROUP_OPTIONS = {"--help", "-h", "--version", "--install-completion", "--show-completion"}


class DefaultToNew(TyperGroup):
    """A group in which a first argument that is no command is the NAME of a new project."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put `new` before such arguments."""
        if args and args[0] not in GROUP_OPTIONS and args[0] not in self.commands:
            args = ["new", *args]
        return super().parse_args(ctx, args)


class WithChoices(TyperCommand):
    """A command whose help ends with the choices that the templates offer."""

    def format_epilog(self, _ctx: Any, formatter: Any) -> None:
        """Write what --framework, --program and --license can be."""
        from scaffold.catalog import frameworks

        found = frameworks()
        programs = {program.name: program.summary for each in found for program in each.programs}
        licenses = dict.fromkeys(name for each in found for name in each.licenses)
        for title, rows in (
            ("Frameworks", [(each.name, f"{each.language}: {each.choose}") for each in found]),
            ("Programs", list(programs.items())),
            ("Licences", [(f'"{name}"' if " " in name else name, "") for name in licenses]),
        ):
            with formatter.section(title):
                formatter.write_dl(rows)


app = typer.Typer(
    name=PROGRAM,
    cls=DefaultToNew,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    no_args_is_help=True,
    subcommand_metavar="NAME | COMMAND [ARGS]...",
    context_settings={"help_option_names": ["-h", "--help"]},
)


def complete_framework(incomplete: str) -> list[tuple[str, str]]:
    """Complete --framework from the catalog."""
    from scaffold.catalog import frameworks

    return [(each.name, each.choose) for each in frameworks() if each.name.startswith(incomplete)]


def complete_program(incomplete: str) -> list[tuple[str, str]]:
    """Complete --program from the catalog."""
    from scaffold.catalog import frameworks

    programs = {program.name: program.summary for each in frameworks() for program in each.programs}
    return [(name, summary) for name, summary in programs.items() if name.startswith(incomplete)]


def complete_license(incomplete: str) -> list[str]:
    """Complete --license from the catalog."""
    from scaffold.catalog import frameworks

    licenses = dict.fromkeys(name for each in frameworks() for name in each.licenses)
    return [name for name in licenses if name.startswith(incomplete)]


def complete_kernel(incomplete: str) -> list[str]:
    """Complete --kernel from the kernels that projects are tested on."""
    from scaffold.catalog import kernel_names

    return [name for name in kernel_names() if name.startswith(incomplete)]


ProgramOption = Annotated[
    str | None,
    typer.Option(
        "--program", "-p", metavar="PROGRAM", autocompletion=complete_program,
        help="The BPF program to start from. Default: the first below.",
    ),
]  # fmt: skip
AuthorOption = Annotated[
    str | None,
    typer.Option(metavar="TEXT", help="Who holds the copyright. Default: git's user.name."),
]
EmailOption = Annotated[
    str | None,
    typer.Option(metavar="TEXT", help="The author's address, beside the name. Default: git's user.email."),
]
LicenseOption = Annotated[
    str | None,
    typer.Option(
        "--license", metavar="SPDX", autocompletion=complete_license,
        help="Licence of the repository. The BPF program keeps one that the kernel accepts, GPL-2.0-only OR"
        " BSD-2-Clause, whatever you choose. Default: the first below.",
    ),
]  # fmt: skip
GitOption = Annotated[
    bool,
    typer.Option("--git/--no-git", help="Make a git repository with a first commit, or files only."),
]


def _print_version(wanted: bool) -> None:
    if wanted:
        print(PROGRAM, __version__)
        raise typer.Exit


@app.callback()
def ebpf_new(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and stop.")
    ] = False,
) -> None:
    """Make an eBPF project that builds, runs, and tests itself in a virtual machine.

    "ebpf-new NAME" is short for "ebpf-new new NAME"; see "ebpf-new new --help" for its options.
    """


@app.command(cls=WithChoices)
def new(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME",
            help="The project, and the directory that is made for it. In a path such as labs/week1/hello the last"
            " part is the name, and missing directories are made.",
            show_default=False,
        ),
    ],
    framework: Annotated[
        str | None,
        typer.Option(
            "--framework", "-f", metavar="FRAMEWORK", autocompletion=complete_framework,
            help="What loads the BPF program; it decides on the language. Asked for when it is missing.",
        ),
    ] = None,
    program: ProgramOption = None,
    output_dir: Annotated[
        Path,
        typer.Option("--output-dir", "-o", metavar="DIR", help="Make NAME in this directory, not in the current one."),
    ] = Path(),
    author: AuthorOption = None,
    email: EmailOption = None,
    license: LicenseOption = None,
    description: Annotated[
        str | None,
        typer.Option(metavar="TEXT", help="A line that the README and the program's --help begin with."),
    ] = None,
    owner: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="User or organisation on GitHub that the repository will belong to."),
    ] = None,
    module: Annotated[
        str | None,
        typer.Option(
            metavar="PATH",
            help="Path of the Go module (cilium). Default: github.com/OWNER/NAME, or example.com/NAME without --owner.",
        ),
    ] = None,
    git: GitOption = True,
    yes: Annotated[
        bool,
        typer.Option("--yes", "-y", help="Never ask: take the default of what is missing, the first framework too."),
    ] = False,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Check the answers and print the tree that would be made; write nothing."),
    ] = False,
    as_json: Annotated[
        bool,
        typer.Option("--json", help="Print one JSON object on stdout (path, files, commit, ...) instead of text."),
    ] = False,
) -> None:  # fmt: skip
    """Make a project in the new directory NAME, which must not exist or be empty.

    All answers are checked first, and all that are wrong are reported at once. The project then appears as a whole
    or, whatever goes wrong, not at all.
    """
    from scaffold.catalog import load_catalog
    from scaffold.create import Wish, create, make_plan, reject_problems, target_of
    from scaffold.questions import ask_framework, on_terminal
    from scaffold.show import show_created, show_plan

    frameworks = load_catalog()
    target = target_of(name, output_dir)
    wish = Wish(target, framework, program, license, description, author, email, owner, module, git)
    if framework is None and (yes or on_terminal()):
        reject_problems(wish, frameworks, but="--framework")
        wish = replace(wish, framework=next(iter(frameworks)) if yes else ask_framework(frameworks))
    plan = make_plan(wish, frameworks)
    if dry_run:
        show_plan(plan, as_json)
    else:
        show_created(create(plan), as_json)


@app.command("list")
def list_frameworks(
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object with all that is known instead of a table.")
    ] = False,
) -> None:
    """Show the frameworks: language, what each needs and makes, and when to choose it."""
    from scaffold.catalog import load_catalog
    from scaffold.show import show_catalog

    show_catalog(load_catalog(), as_json)


@app.command("export", cls=WithChoices)
def export_templates(
    directory: Annotated[
        Path,
        typer.Argument(
            metavar="DIR", help="Make FRAMEWORK-starter in this directory for each framework.", show_default=False
        ),
    ],
    owner: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="User or organisation on GitHub that the repositories will belong to."),
    ] = None,
    program: ProgramOption = None,
    author: AuthorOption = None,
    email: EmailOption = None,
    license: LicenseOption = None,
    git: GitOption = True,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object on stdout (path, repositories) instead of text.")
    ] = False,
) -> None:  # fmt: skip
    """Make a repository of every framework for GitHub's "Use this template".

    What somebody makes from one there takes its own name by itself, and is then what "ebpf-new NAME" would have
    made. All repositories appear, each as a whole, or none.
    """
    from scaffold.catalog import load_catalog
    from scaffold.create import Wish
    from scaffold.export import export, make_plans
    from scaffold.show import show_exported

    common = Wish(directory, None, program, license, None, author, email, owner, None, git)
    show_exported(export(make_plans(directory, common, load_catalog())), as_json)


@app.command("test")
def test_projects(
    directories: Annotated[
        list[Path],
        typer.Argument(metavar="DIR...", help="Projects made by this program: their directories.", show_default=False),
    ],
    kernel: Annotated[
        list[str] | None,
        typer.Option(
            "--kernel", metavar="V", autocompletion=complete_kernel,
            help="Run on this kernel: 6.1, 6.12, ... (fetched from the apt archive, nothing is installed), distro,"
            " host, or the path of an image. Again for each further one. Default: those in test/kernels.",
        ),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print a JSON object for each project and kernel instead of a line.")
    ] = False,
    junit: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Also write the results to FILE in the JUnit form.")
    ] = None,
) -> None:  # fmt: skip
    """Build projects, boot kernels in a virtual machine, and check that the event of each is seen.

    Exit status: 0 all passed, 1 a program failed, 2 wrong usage, 69 this machine cannot run the test.
    """
    from scaffold.report import write_junit
    from scaffold.verify import verify
    from scaffold.vmtest.errors import BadManifest
    from scaffold.vmtest.verdict import as_json as json_line
    from scaffold.vmtest.verdict import as_text, exit_status

    verdicts = []
    try:
        for verdict in verify(directories, kernel or []):
            verdicts.append(verdict)
            print(json_line(verdict) if as_json else as_text(verdict), flush=True)
    except BadManifest as error:
        raise UsageError(str(error)) from error
    finally:
        if junit:
            write_junit(verdicts, junit)
    raise typer.Exit(exit_status(verdicts))


def main() -> None:
    """Run the command and end the process with its exit code."""
    gc.disable()  # a process of a third of a second has nothing to collect, but a tenth of it to lose
    signal.signal(signal.SIGTERM, _stop)
    signal.signal(signal.SIGHUP, _stop)
    try:
        app(prog_name=PROGRAM)
    except BadAnswers as error:
        print(f"{PROGRAM}: nothing was made:", file=sys.stderr)
        for problem in error.problems:
            print(f"  {problem.answer}: {problem.message}", file=sys.stderr)
        sys.exit(error.exit_code)
    except EbpfNewError as error:
        print(f"{PROGRAM}: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    except OSError as error:
        print(f"{PROGRAM}: {error}", file=sys.stderr)
        sys.exit(EbpfNewError.exit_code)


def _stop(signum: int, _frame: FrameType | None) -> None:
    # As an exception, so that what is half made is taken away on the way out.
    sys.exit(128 + signum)
