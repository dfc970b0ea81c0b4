# SPDX-License-Identifier: BSD-2-Clause
"""The command `ebpf-new course`: reads the arguments, calls one function, prints."""

from pathlib import Path
from typing import Annotated

import typer

from scaffold.cli.course_check import check_course
from scaffold.cli.options import (
    AuthorOption,
    DescriptionOption,
    EmailOption,
    GitOption,
    LangOption,
    LicenseOption,
    OwnersOption,
    ProgramOption,
    WithChoices,
    complete_framework,
)

course_app = typer.Typer(
    help="A course: a repository for each student, made from a roster, and a gradebook.",
    no_args_is_help=True, rich_markup_mode=None,
)  # fmt: skip
course_app.command("check")(check_course)


@course_app.command("new", cls=WithChoices)
def new_course(
    roster: Annotated[
        Path,
        typer.Argument(
            metavar="ROSTER", show_default=False,
            help="A table with a row for each repository: FILE.csv, FILE.tsv, FILE.toml, or - for stdin with --format."
            " Its columns: name, framework, program, author, email, owner, description, license, module. An empty"
            " cell takes the default, which the options of the same names set.",
        ),
    ],
    output_dir: Annotated[
        Path,
        typer.Option(
            "--output-dir", "-o", metavar="DIR", show_default=False,
            help="Make the repositories in this directory, and index.csv and index.md beside them.",
        ),
    ],
    name_pattern: Annotated[
        str | None,
        typer.Option(
            metavar="PATTERN", help="Make the names of other columns: 'lab1-{id}'. Those are carried over to index.csv."
        ),
    ] = None,
    column: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ANSWER=COLUMN",
            help="Take an answer from a column that is called otherwise, author='Full name', or from several,"
            " author='{First name} {Surname}'. Again for each further one.",
        ),
    ] = None,
    keep: Annotated[
        list[str] | None,
        typer.Option(
            metavar="COLUMN",
            help="Carry a column that gives no answer over to index.csv; '*' for all of them. Without this such a"
            " column is an error, since its name may be misspelt. Again for each further one.",
        ),
    ] = None,
    framework: Annotated[
        str | None,
        typer.Option(
            "--framework", "-f", metavar="FRAMEWORK", autocompletion=complete_framework,
            help="What loads the BPF program, for rows that do not say.",
        ),
    ] = None,
    program: ProgramOption = None,
    author: AuthorOption = None,
    email: EmailOption = None,
    license: LicenseOption = None,
    description: DescriptionOption = None,
    owner: OwnersOption = None,
    git: GitOption = None,
    lang: LangOption = None,
    classroom: Annotated[
        bool,
        typer.Option("--classroom", help="Add GitHub Classroom's autograding workflow: make test gives the points."),
    ] = False,
    form: Annotated[
        str | None,
        typer.Option("--format", metavar="csv|tsv|toml", help="What ROSTER is. Default: what its suffix says."),
    ] = None,
    encoding: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="Encoding of ROSTER: cp1252, cp949, ... Default: UTF-8, or UTF-16 by its first bytes."
        ),
    ] = None,
    update: Annotated[
        bool,
        typer.Option(
            "--update",
            help='Also bring those that are there already to the templates of this version, as "ebpf-new update" does:'
            " nothing is committed. Exit status 1 if some have conflicts or cannot be updated.",
        ),
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check the roster and print what would be made; write nothing.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object on stdout (path, counts, repositories), not text.")
    ] = False,
) -> None:  # fmt: skip
    """Make a repository for each row of ROSTER.

    The whole roster is checked first, and all that is wrong is reported at once, with its lines. Repositories that
    are there already are kept as they are, unless --update is given: after an interruption, or with more rows, the
    same command makes what is missing.
    """
    from scaffold.cli.show_course import CourseProgress, show_course, show_updates
    from scaffold.course.classroom import add_classroom
    from scaffold.course.index import COLUMNS
    from scaffold.course.make import entries_of, make_course
    from scaffold.course.plan import plan_course
    from scaffold.course.roster import RosterOptions, read_roster
    from scaffold.course.table import read_table
    from scaffold.course.update_all import update_repositories
    from scaffold.project.answers import fill_answers, read_configuration
    from scaffold.project.catalog import load_catalog
    from scaffold.project.request import ProjectRequest

    reading = RosterOptions(name_pattern, column or (), keep or ())
    given = ProjectRequest(
        output_dir, framework=framework, program=program, license=license, description=description,
        author=author, email=email, owner=owner, git=git, lang=lang,
    )  # fmt: skip
    read = read_roster(read_table(roster, form, encoding), reading, reserved=COLUMNS)
    common = fill_answers(given, [read_configuration()])
    course = plan_course(read, output_dir, common, load_catalog())
    if dry_run:
        entries = entries_of(course, {})
    else:
        with CourseProgress(course) as progress:
            entries = make_course(course, progress.advance, add_classroom if classroom else None)
    updates = show_updates(update_repositories(course, dry_run), as_json) if update else []
    show_course(course, entries, updates, as_json, dry_run)
    raise typer.Exit(int(not all(update.is_done for update in updates)))
