# SPDX-License-Identifier: BSD-2-Clause
"""The commands `ebpf-new course new` and `ebpf-new course check`."""

import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Annotated

import typer

from scaffold.cli.options import (
    AuthorOption,
    CommandWithChoices,
    DescriptionOption,
    EmailOption,
    FrameworkOption,
    GitOption,
    JobsOption,
    KernelOption,
    KernelsOption,
    LangOption,
    LicenseOption,
    LogsOption,
    OwnerOption,
    ProgramOption,
    RetryOption,
    UnlimitedMemoryOption,
)
from scaffold.cli.terminal import count, print_events, print_json, print_note
from scaffold.errors import EbpfNewError

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from scaffold.course.entry import Entry
    from scaffold.course.gradebook import Gradebook
    from scaffold.course.plan import Course, Repository
    from scaffold.course.update_all import UpdatedRepository
    from scaffold.vmtest.verdict import Verdict

DRY_RUN_STATUS = {
    "missing": "would be created",
    "kept": "exists and would be kept",
    "other": "exists, but is not in this roster",
}

course_app = typer.Typer(
    help="Create the repositories of a course from a roster, test them, and write a gradebook.",
    no_args_is_help=True, rich_markup_mode=None,
)  # fmt: skip


@course_app.command("new", cls=CommandWithChoices)
def new_course(
    roster: Annotated[
        Path,
        typer.Argument(
            metavar="ROSTER", show_default=False,
            help="Table with one row for each repository: FILE.csv, FILE.tsv, FILE.toml, or - for stdin with --format."
            " Its columns: name, framework, program, author, email, owner, description, license, module. An empty"
            " cell takes the value of the option with the same name, or its default.",
        ),
    ],
    output_dir: Annotated[
        Path,
        typer.Option(
            "--output-dir", "-o", metavar="DIR", show_default=False,
            help="Create the repositories, index.csv and index.md in this directory.",
        ),
    ],
    name_pattern: Annotated[
        str | None,
        typer.Option(
            metavar="PATTERN", help="Build the names from other columns: 'lab1-{id}'. index.csv gets these columns too."
        ),
    ] = None,
    column: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ANSWER=COLUMN",
            help="Take an answer from a column with another name, author='Full name', or from several columns,"
            " author='{First name} {Surname}'. Repeat it for more answers.",
        ),
    ] = None,
    keep: Annotated[
        list[str] | None,
        typer.Option(
            metavar="COLUMN",
            help="Copy an unused column to index.csv; '*' copies all of them. Without this option an unused column is"
            " an error, because its name may be misspelt. Repeat it for more columns.",
        ),
    ] = None,
    framework: FrameworkOption = None,
    program: ProgramOption = None,
    author: AuthorOption = None,
    email: EmailOption = None,
    license: LicenseOption = None,
    description: DescriptionOption = None,
    owner: OwnerOption = None,
    git: GitOption = None,
    lang: LangOption = None,
    classroom: Annotated[
        bool,
        typer.Option("--classroom", help="Add GitHub Classroom's autograding workflow, which grades by make test."),
    ] = False,
    form: Annotated[
        str | None,
        typer.Option("--format", metavar="csv|tsv|toml", help="Format of ROSTER. Default: according to its suffix."),
    ] = None,
    encoding: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Encoding of ROSTER: cp1252, cp949, ... Default: UTF-8, or UTF-16 if ROSTER has a byte order mark.",
        ),
    ] = None,
    update: Annotated[
        bool,
        typer.Option(
            "--update",
            help='Also update existing repositories to the templates of this version, like "ebpf-new update", which'
            " commits nothing.",
        ),
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Write nothing. Check the roster and print what would be created.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object on stdout (path, counts, repositories), not text.")
    ] = False,
) -> None:  # fmt: skip
    """Create one repository for each row of ROSTER.

    The command checks the whole roster first and reports all problems together, with their lines. It does not change
    existing repositories unless you give --update. If it is interrupted, or if the roster has new rows, run the same
    command again: it creates the missing repositories.

    Exit status: 0 all repositories exist, 1 one could not be created, or --update left conflicts or could not update
    one, 2 the roster or an option is invalid.
    """
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

    options = RosterOptions(name_pattern, column or (), keep or ())
    request = ProjectRequest(
        output_dir, framework=framework, program=program, license=license, description=description,
        author=author, email=email, owner=owner, git=git, lang=lang,
    )  # fmt: skip
    rows = read_roster(read_table(roster, form, encoding), options, reserved=COLUMNS)
    course = plan_course(rows, output_dir, fill_answers(request, [read_configuration()]), load_catalog())
    if dry_run:
        entries = entries_of(course, {})
    else:
        with CourseProgress(course) as progress:
            entries = make_course(course, progress.advance, add_classroom if classroom else None)
    updates = _print_updates(update_repositories(course, dry_run), as_json) if update else []
    if as_json:
        print_json(_course_fields(course, entries, updates, dry_run))
    elif dry_run:
        _print_planned(course, entries)
    else:
        _print_course(course, entries, updates)
    raise typer.Exit(int(not all(repository.is_done for repository in updates)))


@course_app.command("check")
def check_course(
    directory: Annotated[
        Path,
        typer.Argument(
            metavar="DIR", show_default=False,
            help="Course that \"ebpf-new course new\" created, or another directory of repositories.",
        ),
    ],
    kernel: KernelOption = None,
    kernels: KernelsOption = None,
    jobs: JobsOption = None,
    gradebook: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", dir_okay=False,
            help="Write the gradebook to FILE and replace an existing FILE. Default: DIR/gradebook.csv.",
        ),
    ] = None,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume", help="Keep the rows that the gradebook has for these kernels, and check only the others."
        ),
    ] = False,
    own_manifest: Annotated[
        bool,
        typer.Option(
            "--own-manifest",
            help="Test each repository by its own test/vmtest.toml, which its author can change so that it passes."
            " Default: the test of its template.",
        ),
    ] = False,
    build_seconds: Annotated[
        float, typer.Option(metavar="S", min=1, max=86400, help="Stop a build after S seconds.")
    ] = 300,
    memory: Annotated[
        int, typer.Option(metavar="MIB", min=16, help="Stop a build that uses more memory than this plus --disk.")
    ] = 2048,
    disk: Annotated[
        int, typer.Option(metavar="MIB", min=1, help="Limit the files of a build, which are kept in memory.")
    ] = 1024,
    processes: Annotated[
        int, typer.Option(metavar="N", min=8, help="Limit the processes and threads that a build has at once.")
    ] = 512,
    unlimited_memory: UnlimitedMemoryOption = False,
    retry_infra: RetryOption = 0,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object for each repository and kernel when its test ends.")
    ] = False,
    logs: LogsOption = None,
) -> None:  # fmt: skip
    """Build and test all repositories of a course, and write a gradebook: a CSV file with one row for each.

    Each build runs in a sandbox without network access, on a copy. The only file that changes in DIR is the gradebook.
    Whatever a repository does affects only its own row. Without --kernel and --kernels, the command tests on the
    kernels that new projects list.

    Exit status: 0 all repositories were checked, whatever the results; 2 wrong usage; 69 this machine could not check
    all of them.
    """
    from contextlib import closing

    from scaffold.course.check import check
    from scaffold.course.gradebook import Gradebook
    from scaffold.course.submissions import find_submissions
    from scaffold.testing.engine import default_parallelism, log_directory
    from scaffold.testing.sandbox.limits import Limits
    from scaffold.testing.sandbox.toolchain import sandboxed_builds
    from scaffold.testing.schedule import Policy
    from scaffold.testing.selection import select_kernels
    from scaffold.vmtest.verdict import EX_UNAVAILABLE, Outcome

    submissions = find_submissions(directory, own_manifest, build_seconds)
    book = Gradebook(gradebook or directory / "gradebook.csv", submissions, select_kernels(kernel, kernels))
    kept = book.resume() if resume else []
    book.write()
    remaining = [submission for submission in submissions if submission.name not in kept]
    manifests = [submission.manifest for submission in remaining if submission.manifest]
    verdicts: list[Verdict] = []
    limits, policy = Limits(memory, disk, processes), Policy(jobs or default_parallelism(), retry_infra)
    with (
        sandboxed_builds(manifests, limits, unlimited_memory, not own_manifest, print_note) as builds,
        closing(check(remaining, book, policy, logs or log_directory(), builds)) as events,
    ):
        print_events(events, len(remaining) * len(book.kernels), as_json, verdicts)
    if not as_json:
        _print_gradebook(book, len(kept))
    raise typer.Exit(EX_UNAVAILABLE if any(verdict.verdict == Outcome.ERROR for verdict in verdicts) else 0)


class CourseProgress:
    """A progress bar on a terminal. Elsewhere it prints only a note if the work ends early."""

    def __init__(self, course: "Course") -> None:
        self._total = sum(not repository.is_kept for repository in course.repositories)
        self._created = 0
        self._bar: Progress | None = None
        self._task: TaskID | None = None

    def __enter__(self) -> "CourseProgress":
        if self._total and sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

            columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), TextColumn("{task.description}"))
            # A thread that refreshes the bar would receive the signals that this thread blocks.
            self._bar = Progress(*columns, console=Console(stderr=True), auto_refresh=False, transient=True)
            self._task = self._bar.add_task("", total=self._total)
            self._bar.start()
        return self

    def advance(self, repository: "Repository") -> None:
        """Count `repository`, which was created."""
        self._created += 1
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, advance=1, description=repository.plan.project.name, refresh=True)

    def __exit__(
        self, kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()
        if kind is not None and (self._created or not issubclass(kind, EbpfNewError)):
            print_note(
                f"stopped after {self._created} of {self._total} repositories;"
                " run the same command again to create the others"
            )


def _print_updates(updates: "Iterable[UpdatedRepository]", as_json: bool) -> "list[UpdatedRepository]":
    """Print the result of each update when it ends, and return all of them."""
    results = []
    for repository in updates:
        results.append(repository)
        if not as_json:
            print(f"{repository.name}: {_update_result(repository)}", flush=True)
    return results


def _update_result(repository: "UpdatedRepository") -> str:
    from scaffold.update.update import Mode

    result = repository.result
    if result is None:
        return f"not updated: {repository.problem}"
    if not result.files:
        return "up to date"
    files = f"{len(result.files)} {'changed' if result.mode is Mode.WRITE else 'would change'}"
    return f"{files}, {len(result.conflicts)} with conflicts" if result.conflicts else files


def _print_planned(course: "Course", entries: "Sequence[Entry]") -> None:
    """Print what a run without --dry-run would do."""
    from scaffold.course.entry import EntryStatus

    counts = Counter(entry.status for entry in entries)
    for entry in entries:
        print(f"{entry.name} ({entry.framework}) {DRY_RUN_STATUS[entry.status]}")
    missing, kept = _repositories(counts[EntryStatus.MISSING]), counts[EntryStatus.KEPT]
    print(f"{missing} to create, {kept} to keep, in {course.directory}.")


def _print_course(course: "Course", entries: "Sequence[Entry]", updates: "Sequence[UpdatedRepository]") -> None:
    """Print how many repositories the course has now, and where they are listed."""
    from scaffold.course.entry import EntryStatus
    from scaffold.course.index import INDEX_CSV, INDEX_MARKDOWN

    counts = Counter(entry.status for entry in entries)
    created, kept = _repositories(counts[EntryStatus.MADE]), counts[EntryStatus.KEPT]
    print(f"{created} created, {kept} kept, in {course.directory}.")
    if counts[EntryStatus.OTHER]:
        print(f"Not in this roster: {_repositories(counts[EntryStatus.OTHER])} from an earlier one.")
    if any(repository.result and repository.result.files for repository in updates):
        print("The updates are not committed. In each updated repository, check git diff HEAD and commit.")
    print(
        f"{INDEX_MARKDOWN} lists the repositories and how to push them to GitHub;"
        f" {INDEX_CSV} is for spreadsheets and programs."
    )


def _repositories(number: int) -> str:
    return count(number, "repository", "repositories")


def _course_fields(
    course: "Course", entries: "Sequence[Entry]", updates: "Sequence[UpdatedRepository]", dry_run: bool
) -> dict[str, object]:
    """Return the fields of the JSON output."""
    return {
        "path": str(course.directory),
        "counts": Counter(entry.status for entry in entries),
        "repositories": [asdict(entry) for entry in entries],
        "updates": [
            {
                "name": repository.name,
                "files": [asdict(change) for change in repository.result.files] if repository.result else [],
                "conflicts": [change.path for change in repository.result.conflicts] if repository.result else [],
                "problem": repository.problem,
            }
            for repository in updates
        ],
        "dry_run": dry_run,
    }


def _print_gradebook(gradebook: "Gradebook", kept: int) -> None:
    """Print where the gradebook is, how its builds ended, and how many of its rows were `kept`."""
    builds = Counter(row.build for row in gradebook.rows.values())
    results = ", ".join(f"{number} {build or 'unknown'}" for build, number in builds.most_common())
    resumed = f"; kept {kept} from the earlier check" if kept else ""
    print(f"{gradebook.path}: {_repositories(len(gradebook.rows))} (builds: {results}){resumed}")
