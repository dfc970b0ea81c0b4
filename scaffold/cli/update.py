# SPDX-License-Identifier: BSD-2-Clause
"""The command `ebpf-new update`: reads the arguments, calls one function, prints."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer


def update_project(
    directory: Annotated[
        Path, typer.Argument(metavar="[DIR]", help="The project. Default: the current directory.", show_default=False)
    ] = Path(),
    check: Annotated[
        bool,
        typer.Option(
            "--check", help="Write nothing; exit with 1 and list the files if the project is out of date, for CI."
        ),
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Write nothing; show what would change, and what would conflict.")
    ] = False,
    answer: Annotated[
        list[str] | None,
        typer.Option(
            "--answer", metavar="KEY=VALUE",
            help="Give an answer that newer templates ask, or another one than is recorded: --answer license=MIT."
            " Again for each further one.",
        ),
    ] = None,
    base: Annotated[
        str | None,
        typer.Option(
            metavar="COMMIT",
            help="Take the project in COMMIT for what was generated. Needed only where its templates are not known: it"
            " was made by a version that was never released.",
        ),
    ] = None,
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="Never ask: take the default of what is new, and name it.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object on stdout (files, conflicts, ...) instead of text.")
    ] = False,
) -> None:  # fmt: skip
    """Bring a project to the templates of this version, by a merge of git.

    Your files and answers stay yours: what you deleted stays deleted, what you renamed is followed, and where both
    changed the same lines git's markers say so. The result is in the work tree and the index, for you to look at; no
    commit is made. Changes that are not committed must be put away first.

    Exit status: 0 the project is up to date now, 1 it is not (--check) or has conflicts to resolve, 2 it cannot be
    updated as it is, 69 this machine cannot do it.
    """
    from scaffold.cli.prompts import ask_new, on_terminal
    from scaffold.cli.show_update import show_update
    from scaffold.update.update import Mode, UpdateRequest, parse_answers, unanswered_questions, update

    mode = Mode.CHECK if check else Mode.DRY_RUN if dry_run else Mode.WRITE
    request = UpdateRequest(directory, parse_answers(answer or []), base, mode)
    if mode is Mode.WRITE and not yes and on_terminal():
        request = replace(request, answers={**request.answers, **ask_new(unanswered_questions(request))})
    updated = update(request)
    show_update(updated, as_json)
    raise typer.Exit(updated.exit_code)
