# SPDX-License-Identifier: BSD-2-Clause
"""The command `ebpf-new`: its subcommands, the default one, and how errors become messages and exit statuses."""

import re
import signal
import sys
from collections.abc import Sequence
from types import FrameType
from typing import Annotated, Any

import typer
from typer.core import TyperGroup
from typer.exceptions import TyperException

from scaffold import __version__
from scaffold.cli.course import course_app
from scaffold.cli.doctor import doctor
from scaffold.cli.export import export_templates
from scaffold.cli.kernels import kernels_app
from scaffold.cli.list_command import list_frameworks
from scaffold.cli.matrix import print_matrix
from scaffold.cli.new import new
from scaffold.cli.options import CommandWithChoices
from scaffold.cli.report import report_app
from scaffold.cli.terminal import is_interactive, print_error, print_problems
from scaffold.cli.test import test_projects
from scaffold.cli.update import update_project
from scaffold.errors import EbpfNewError, InvalidAnswersError, UnavailableError, UsageError
from scaffold.vmtest.errors import ManifestError, VmtestError

PROGRAM = "ebpf-new"
# The messages of typer, and what is printed instead.
USAGE_ERRORS = (
    (r"^No such option: (\S+).*", r"unknown option \1"),
    (r"^No such command", "unknown command"),
    (r"^Got unexpected extra argument(?:\(s\)|s)? \((.*)\)", r"unexpected argument: \1"),
)
GROUP_OPTIONS = {"--help", "-h", "--version", "--install-completion", "--show-completion"}


class GroupWithDefault(TyperGroup):
    """A group that passes arguments to `new` unless they begin with a command or an option of the group.

    Without arguments it runs `new` on a terminal, and prints the help elsewhere.
    """

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Insert `new` where it is the default."""
        if args[0] not in {*GROUP_OPTIONS, *self.commands} if args else is_interactive():
            args = ["new", *args]
        return super().parse_args(ctx, args)


app = typer.Typer(
    name=PROGRAM,
    cls=GroupWithDefault,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    no_args_is_help=True,
    subcommand_metavar="NAME | COMMAND [ARGS]...",
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(is_requested: bool) -> None:
    if is_requested:
        print(PROGRAM, __version__)
        raise typer.Exit


@app.callback()
def ebpf_new(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Create an eBPF project that builds, runs, and tests itself in a virtual machine.

    "ebpf-new NAME" is short for "ebpf-new new NAME". To see its options, run "ebpf-new new --help". On a terminal,
    "ebpf-new" without arguments asks for the answers that it needs.
    """


app.command("new", cls=CommandWithChoices)(new)
app.command("list")(list_frameworks)
app.command("test")(test_projects)
app.command("matrix")(print_matrix)
app.add_typer(report_app, name="report")
app.add_typer(kernels_app, name="kernels")
app.command("update")(update_project)
app.command("doctor")(doctor)
app.command("export", cls=CommandWithChoices)(export_templates)
app.add_typer(course_app, name="course")


def run(arguments: Sequence[str]) -> int:
    """Run the command with `arguments`, print the error if it fails, and return the exit status."""
    try:
        # Without "standalone", typer raises its errors instead of printing them in another form.
        return app(list(arguments), prog_name=PROGRAM, standalone_mode=False) or 0
    except SystemExit as end:  # from a signal
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except TyperException as error:
        print_usage_error(error)
        return UsageError.exit_code
    except typer.Abort:  # Ctrl-D at a question
        print_error("no answer", hint="give the answers as options, or run the command again")
        return EbpfNewError.exit_code
    except InvalidAnswersError as error:
        print_problems(error.problems)
        return error.exit_code
    except EbpfNewError as error:
        print_error(error.message, error.hint)
        return error.exit_code
    except VmtestError as error:
        print_error(error.message, error.hint)
        return UsageError.exit_code if isinstance(error, ManifestError) else UnavailableError.exit_code
    except OSError as error:
        print_error(str(error))
        return EbpfNewError.exit_code
    except KeyboardInterrupt:
        return 128 + signal.SIGINT


def print_usage_error(error: Any) -> None:
    """Print an error that typer found in the arguments, as an error and a hint like any other."""
    context = getattr(error, "ctx", None)
    command = context.command_path if context else PROGRAM
    text = error.format_message()
    if text.startswith("Usage:"):  # a group without a command: its help is the message
        print(text, file=sys.stderr)
        return
    hint = f'run "{command} --help"'
    if possibilities := set(getattr(error, "possibilities", None) or ()) - {"--help"}:
        hint = f"did you mean {' or '.join(sorted(possibilities))}? Or {hint}"
    for pattern, replacement in USAGE_ERRORS:
        text = re.sub(pattern, replacement, text)
    print_error(text[:1].lower() + text[1:].removesuffix("."), hint)


def main() -> None:
    """Run the command with the arguments of this process, and end the process with the exit status."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_DFL:  # set by __main__.py
        signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, _exit)
    signal.signal(signal.SIGHUP, _exit)
    sys.exit(run(sys.argv[1:]))


def _exit(signum: int, _frame: FrameType | None) -> None:
    # SystemExit, so that context managers remove partial results.
    sys.exit(128 + signum)
