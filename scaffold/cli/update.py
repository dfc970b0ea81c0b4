# SPDX-License-Identifier: BSD-2-Clause
"""The command `ebpf-new update`."""

from collections.abc import Iterable
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from scaffold.cli.terminal import count, is_interactive, print_json, quote_path

if TYPE_CHECKING:
    from scaffold.update.update import FileStatus, UpdateResult

# In place of git's word for the most common kind of conflict.
CONFLICT_REASONS = {"contents": "you and the templates changed the same lines"}


def update_project(
    directory: Annotated[
        Path, typer.Argument(metavar="[DIR]", help="The project. Default: the current directory.", show_default=False)
    ] = Path(),
    check: Annotated[
        bool,
        typer.Option(
            "--check", help="Write nothing. If the project is out of date, list the files and exit with 1. For CI."
        ),
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Write nothing. Print what would change and what would conflict.")
    ] = False,
    answer: Annotated[
        list[str] | None,
        typer.Option(
            "--answer", metavar="KEY=VALUE",
            help="Answer a question that newer templates ask, or change a recorded answer: --answer license=MIT."
            " Repeat it for more answers.",
        ),
    ] = None,
    base: Annotated[
        str | None,
        typer.Option(
            metavar="COMMIT",
            help="Use the project in COMMIT as the one that was generated. You need it only if an unreleased version"
            " created the project, so that its templates are unknown.",
        ),
    ] = None,
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="Never ask. New answers take their defaults, which are printed.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object on stdout (files, conflicts, ...) instead of text.")
    ] = False,
) -> None:  # fmt: skip
    """Update a project to the templates of this version, by a git merge.

    Your changes and answers are kept: a file that you deleted stays deleted, a file that you renamed keeps its new
    name, and lines that both sides changed get git's conflict markers. The result is in the work tree and the index.
    The command creates no commit, so that you can review it first. Commit or stash your own changes before you run it.

    Exit status: 0 the project is up to date; 1 it is out of date (--check), has conflicts, or could not be written; 2
    its state or an option does not allow the update; 69 git is too old, or ebpf-new lacks the templates.
    """
    from scaffold.cli.prompts import ask_questions
    from scaffold.update.update import Mode, UpdateRequest, parse_answers, unanswered_questions, update

    mode = Mode.CHECK if check else Mode.DRY_RUN if dry_run else Mode.WRITE
    request = UpdateRequest(directory, parse_answers(answer or []), base, mode)
    if mode is Mode.WRITE and not yes and is_interactive():
        request = replace(request, answers={**request.answers, **ask_questions(unanswered_questions(request))})
    result = update(request)
    if as_json:
        print_json(_result_fields(result))
    else:
        _print_result(result)
    raise typer.Exit(result.exit_code)


def _print_result(result: "UpdateResult") -> None:
    """Print what has changed or would change, and the next commands."""
    from scaffold.update.update import Mode
    from scaffold.vmtest.printable import printable

    if not result.files:
        print(f"{result.name} is up to date with the templates of ebpf-new {result.to_version}.")
        _print_files(result.kept)
        return
    is_same_version = result.from_version == result.to_version
    versions = result.to_version if is_same_version else f"{result.from_version} to {result.to_version}"
    verb = {Mode.CHECK: "out of date", Mode.DRY_RUN: "would change", Mode.WRITE: "changed"}[result.mode]
    print(f"{result.name}, {versions}: {count(len(result.files), 'file')} {verb}\n")
    _print_files([*result.files, *result.kept])
    for key, value in result.defaults.items():
        print(
            f'\nThe templates have a new question, {key}. Its answer is now the default, "{printable(value)}".'
            f" To give another answer, use: --answer {key}=VALUE"
        )
    print("\n" + "\n".join(_next_steps(result)))


def _print_files(files: "Iterable[FileStatus]") -> None:
    from scaffold.vmtest.printable import printable

    for file in files:
        reason = CONFLICT_REASONS.get(file.why, file.why)
        print(f"  {file.what:13}  {printable(file.path)}{reason and f' ({reason})'}")


def _next_steps(result: "UpdateResult") -> list[str]:
    """Return the lines that tell the user what to do next."""
    from scaffold.update.update import Mode

    directory = quote_path(result.project)
    is_elsewhere = directory != "."
    if result.mode is Mode.CHECK:
        return [f"To update the project, run: ebpf-new update{f' {directory}' if is_elsewhere else ''}"]
    if result.mode is Mode.DRY_RUN:
        return ["Nothing was written. To update the project, run the same command without --dry-run."]
    git = f"git -C {directory}" if is_elsewhere else "git"
    paths = "" if result.is_whole_repository else " -- ."
    # `git restore` does not remove unmerged files, so they are added first.
    restore = f"add --update . && {git} restore --source=HEAD --staged --worktree ."
    undo = "reset --hard" if result.is_whole_repository else restore
    commit = f'commit --message "Update to ebpf-new {result.to_version}"'
    conflicts = []
    if result.conflicts:
        files = count(len(result.conflicts), "file")
        conflicts.append(
            f"You must resolve the conflicts in {files}: edit the file and run git add, or run git mergetool."
        )
    return [
        *conflicts,
        "Nothing is committed. Next:\n",
        f"  {git} diff HEAD{paths}   # review the update",
        f"  {git} {commit}{paths}   # commit it",
        f"  {git} {undo}   # or undo it",
    ]


def _result_fields(result: "UpdateResult") -> dict[str, object]:
    """Return the fields of the JSON output."""
    from scaffold.update.update import Mode

    return {
        "path": str(result.project.absolute()),
        "name": result.name,
        "from": result.from_version,
        "to": result.to_version,
        "up_to_date": not result.files,
        "files": [asdict(file) for file in result.files],
        "conflicts": [file.path for file in result.conflicts],
        "left": [asdict(file) for file in result.kept],
        "defaults": dict(result.defaults),
        "written": result.mode is Mode.WRITE and bool(result.files),
    }
