# SPDX-License-Identifier: BSD-2-Clause
"""The command `ebpf-new new`: reads the arguments, calls one function, prints."""

from pathlib import Path
from typing import Annotated

import typer

from scaffold.cli.options import (
    AuthorOption,
    DescriptionOption,
    EmailOption,
    GitOption,
    LangOption,
    LicenseOption,
    ProgramOption,
    complete_framework,
)


def new(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="NAME",
            help="The project, and the directory that is made for it. In a path such as labs/week1/hello the last"
            " part is the name, and missing directories are made. Without it, what no option says is asked for.",
            show_default=False,
        ),
    ] = None,
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
    description: DescriptionOption = None,
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
    lang: LangOption = None,
    git: GitOption = None,
    answers: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Take what no option says from FILE: TOML or JSON, or the .ebpf-new.json of a project, to make"
            " another like it.",
        ),
    ] = None,
    replay: Annotated[
        bool,
        typer.Option("--replay", help="Take what neither says from the project made last, all but its name."),
    ] = False,
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
    from scaffold.cli.show import show_command, show_created, show_plan
    from scaffold.cli.wizard import FIRST_NAME, fill_in, shortest_wish, with_framework
    from scaffold.generate.create import create, plan_project
    from scaffold.project.answers import fill_answers, read_answer_files, read_configuration, save_last_answers
    from scaffold.project.catalog import load_catalog
    from scaffold.project.request import ProjectRequest, target_path

    frameworks, configuration = load_catalog(), read_configuration()
    target = target_path(FIRST_NAME if name is None else name, output_dir)
    request = ProjectRequest(target, framework, program, license, description, author, email, owner, module, git, lang)
    request = fill_answers(request, read_answer_files(answers, replay))
    if name is None:
        request = fill_in(request, output_dir, configuration, frameworks, yes)
    else:
        request = with_framework(request, configuration, frameworks, yes)
    plan = plan_project(request, frameworks)
    if dry_run:
        show_plan(plan, as_json)
    else:
        show_created(create(plan), as_json)
        save_last_answers(plan.project, plan.git)
    if name is None:
        show_command(shortest_wish(plan, configuration, frameworks))
