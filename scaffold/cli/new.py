# SPDX-License-Identifier: BSD-2-Clause
"""The command `ebpf-new new`."""

import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from scaffold.cli.options import (
    AuthorOption,
    DescriptionOption,
    EmailOption,
    FrameworkOption,
    GitOption,
    LangOption,
    LicenseOption,
    OwnerOption,
    ProgramOption,
)
from scaffold.cli.terminal import count, created_fields, print_json, project_fields, quote_path

if TYPE_CHECKING:
    from rich.tree import Tree

    from scaffold.generate.create import Created, ProjectPlan
    from scaffold.project.request import ProjectRequest

HASH_LENGTH = 10
TEXT_OPTIONS = ("framework", "program", "license", "description", "author", "email", "owner", "module", "lang")


def new(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="NAME",
            help="The project and its directory. In a path such as labs/week1/hello the last part is the name, and"
            " missing parent directories are created. Without NAME, the command asks for each answer that no option"
            " gives.",
            show_default=False,
        ),
    ] = None,
    framework: FrameworkOption = None,
    program: ProgramOption = None,
    output_dir: Annotated[
        Path,
        typer.Option(
            "--output-dir", "-o", metavar="DIR", help="Create NAME in this directory instead of the current one."
        ),
    ] = Path(),
    author: AuthorOption = None,
    email: EmailOption = None,
    license: LicenseOption = None,
    description: DescriptionOption = None,
    owner: OwnerOption = None,
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
            help="Read answers from FILE: TOML, JSON, or the .ebpf-new.json of a project. Options override them.",
        ),
    ] = None,
    replay: Annotated[
        bool,
        typer.Option(
            "--replay",
            help="Use the answers of the project that was created last, except its name. Options and --answers"
            " override them.",
        ),
    ] = False,
    yes: Annotated[
        bool,
        typer.Option(
            "--yes", "-y", help="Never ask. Missing answers take their defaults; the framework is the first below."
        ),
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Write nothing. Check the answers and print the tree of files.")
    ] = False,
    as_json: Annotated[
        bool,
        typer.Option("--json", help="Print one JSON object on stdout (path, files, commit, ...) instead of text."),
    ] = False,
) -> None:  # fmt: skip
    """Create a project in the new directory NAME. If NAME exists, it must be an empty directory.

    The command checks all answers first and reports all invalid ones together. If it fails later, it removes what it
    has written. If no framework is given, it asks for one on a terminal; elsewhere that is an error.

    Exit status: 0 the project was created, 1 it could not be created, 2 an answer or option is invalid.
    """
    from scaffold.cli.wizard import FIRST_NAME, ask_all_answers, choose_framework, shortest_request
    from scaffold.generate.create import create, plan_project
    from scaffold.project.answers import fill_answers, read_answer_files, read_configuration, save_last_answers
    from scaffold.project.catalog import load_catalog
    from scaffold.project.request import ProjectRequest, target_path

    frameworks, configuration = load_catalog(), read_configuration()
    target = target_path(FIRST_NAME if name is None else name, output_dir)
    request = ProjectRequest(target, framework, program, license, description, author, email, owner, module, git, lang)
    request = fill_answers(request, read_answer_files(answers, replay))
    if name is None:
        request = ask_all_answers(request, output_dir, configuration, frameworks, yes)
    else:
        request = choose_framework(request, configuration, frameworks, yes)
    plan = plan_project(request, frameworks)
    if dry_run:
        _print_plan(plan, as_json)
    else:
        _print_created(create(plan), as_json)
        save_last_answers(plan.project, plan.git)
    if name is None:
        print_command(shortest_request(plan, configuration, frameworks))


def print_command(request: "ProjectRequest") -> None:
    """Print to stderr the command that creates the project of `request` without questions."""
    import shlex

    options = [
        f"--{name} {shlex.quote(value)}" for name in TEXT_OPTIONS if (value := getattr(request, name)) is not None
    ]
    if request.git is not None:
        options.append("--git" if request.git else "--no-git")
    command = " ".join(["ebpf-new new", quote_path(request.target), *options])
    print(f"\nThe same command without questions:\n\n  {command}", file=sys.stderr)


def _print_plan(plan: "ProjectPlan", as_json: bool) -> None:
    """Print the files that the project would have."""
    if as_json:
        print_json({**project_fields(plan, plan.target), "files": plan.files(), "dry_run": True})
        return
    from rich.console import Console

    Console().print(_tree(str(plan.target), plan.files()))


def _print_created(created: "Created", as_json: bool) -> None:
    """Print what was created, and the next commands."""
    if as_json:
        print_json(created_fields(created))
        return
    summary = f"{created.project.name} is ready: {count(len(created.files), 'file')}"
    if created.commit:
        summary += f", commit {created.commit.hash[:HASH_LENGTH]} on {created.commit.branch}"
    print(f"{summary}. Next:\n")
    print(f"  cd {quote_path(created.path)}")
    print("  make deps   # install what it needs")
    print("  make        # build it")
    print("  make test   # boot kernels in a virtual machine and see its event")


def _tree(root: str, files: Iterable[str]) -> "Tree":
    """Return the tree that rich draws of `files`, which are paths relative to `root`."""
    from rich.text import Text
    from rich.tree import Tree

    tree = Tree(Text(root))
    branches = {"": tree}
    for path in files:
        parent = ""
        for part in Path(path).parts[:-1]:
            child = os.path.join(parent, part)
            if child not in branches:
                branches[child] = branches[parent].add(Text(part + os.sep))
            parent = child
        branches[parent].add(Text(Path(path).name))
    return tree
