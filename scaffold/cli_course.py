# SPDX-License-Identifier: BSD-2-Clause
"""The command `ebpf-new course`: repositories for all participants of a course."""

import typer

from scaffold.cli_course_check import check_course

course_app = typer.Typer(
    help="Make the repositories of a course, and check them.", no_args_is_help=True, rich_markup_mode=None
)
course_app.command("check")(check_course)


@course_app.callback()
def course() -> None:
    """Make the repositories of a course, and check them."""
