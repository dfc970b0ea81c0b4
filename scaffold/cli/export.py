# SPDX-License-Identifier: BSD-2-Clause
"""The command `ebpf-new export`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from scaffold.cli.options import (
    AuthorOption,
    EmailOption,
    GitOption,
    LangOption,
    LicenseOption,
    OwnerOption,
    ProgramOption,
)
from scaffold.cli.terminal import created_fields, print_json, quote_path

if TYPE_CHECKING:
    from scaffold.generate.export import Exported


def export_templates(
    directory: Annotated[
        Path,
        typer.Argument(
            metavar="DIR", help="Directory in which to create FRAMEWORK-starter for each framework.", show_default=False
        ),
    ],
    owner: OwnerOption = None,
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
    """Create one repository for each framework, for GitHub's "Use this template".

    A repository that is created on GitHub from one of these templates renames itself. It then equals what "ebpf-new
    NAME" creates. If one of the repositories cannot be created, none is.

    Exit status: 0 the repositories were created, 1 they could not be created, 2 an answer or option is invalid.
    """
    from scaffold.generate.export import export, plan_exports
    from scaffold.project.answers import fill_answers, read_configuration
    from scaffold.project.catalog import load_catalog
    from scaffold.project.request import ProjectRequest

    request = ProjectRequest(directory, None, program, license, None, author, email, owner, None, git, lang)
    request = fill_answers(request, [read_configuration()])
    exported = export(plan_exports(directory, request, load_catalog()))
    if as_json:
        repositories = [created_fields(created) for created in exported.repositories]
        print_json({"path": str(exported.directory), "repositories": repositories})
    else:
        _print_exported(exported)


def _print_exported(exported: "Exported") -> None:
    """Print which repositories were created, and how to publish them on GitHub."""
    first = exported.repositories[0]
    owner = first.project.owner or "OWNER"
    names = ", ".join(created.project.name for created in exported.repositories)
    print(f"{names} are ready in {quote_path(exported.directory)}.")
    print("On GitHub, create an empty repository with each of these names. Then push each one, as this one:\n")
    print(f"  cd {quote_path(first.path)}")
    if not first.commit:
        print("  git init && git add --all && git commit --message Start")
    print(f"  git remote add origin https://github.com/{owner}/{first.project.name}.git")
    print("  git push --set-upstream origin HEAD\n")
    print('In the settings of each repository, select "Template repository".')
