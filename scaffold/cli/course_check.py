# SPDX-License-Identifier: BSD-2-Clause
"""The command `ebpf-new course check`: reads the arguments, calls one function, prints, and chooses the exit code."""

from pathlib import Path
from typing import Annotated

import typer

from scaffold.cli.options import JobsOption, KernelOption, KernelsOption, LogsOption, RetryOption, UnlimitedMemoryOption


def check_course(
    directory: Annotated[
        Path,
        typer.Argument(
            metavar="DIR", show_default=False,
            help="A course that ebpf-new course new has made, or a directory of repositories.",
        ),
    ],
    kernel: KernelOption = None,
    kernels: KernelsOption = None,
    jobs: JobsOption = None,
    gradebook: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", dir_okay=False,
            help="Write the gradebook to FILE, in place of one that is there. Default: DIR/gradebook.csv.",
        ),
    ] = None,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume", help="Keep the rows that the gradebook has for these kernels, and check the others alone."
        ),
    ] = False,
    own_manifest: Annotated[
        bool,
        typer.Option(
            "--own-manifest",
            help="Test each repository by its own test/vmtest.toml, which its author could change to pass. Default:"
            " the test of its template.",
        ),
    ] = False,
    build_seconds: Annotated[
        float, typer.Option(metavar="S", min=1, max=86400, help="End a build after so many seconds.")
    ] = 300,
    memory: Annotated[
        int, typer.Option(metavar="MIB", min=16, help="End a build that takes more memory than this and --disk.")
    ] = 2048,
    disk: Annotated[
        int, typer.Option(metavar="MIB", min=1, help="What the files of a build may hold; they are kept in memory.")
    ] = 1024,
    processes: Annotated[
        int, typer.Option(metavar="N", min=8, help="How many processes and threads a build may have at once.")
    ] = 512,
    unlimited_memory: UnlimitedMemoryOption = False,
    retry_infra: RetryOption = 0,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print a JSON object for each repository and kernel as soon as it is known.")
    ] = False,
    logs: LogsOption = None,
) -> None:  # fmt: skip
    """Build and test all repositories of a course, and write a gradebook: a CSV file with a row for each.

    Each is built in a sandbox without a network, in a copy: nothing in DIR but the gradebook is changed. What a
    repository does costs only its own row. Without --kernel it is the kernels that new projects list.

    Exit status: 0 the check was done, whatever it found; 2 wrong usage; 69 this machine could not do all of it.
    """
    from contextlib import closing

    from scaffold.cli.show_course_check import show_gradebook
    from scaffold.cli.show_test import say, show_test
    from scaffold.course.check import check
    from scaffold.course.gradebook import Gradebook
    from scaffold.course.submissions import find_submissions
    from scaffold.testing.engine import default_parallelism, log_directory
    from scaffold.testing.sandbox.limits import Limits
    from scaffold.testing.sandbox.toolchain import sandboxed_builds
    from scaffold.testing.schedule import Policy
    from scaffold.testing.selection import select_kernels
    from scaffold.vmtest.verdict import EX_UNAVAILABLE, Outcome, Verdict

    submissions = find_submissions(directory, own_manifest, build_seconds)
    book = Gradebook(gradebook or directory / "gradebook.csv", submissions, select_kernels(kernel, kernels))
    kept = book.resume() if resume else []
    book.write()
    left = [each for each in submissions if each.name not in kept]
    manifests = [each.manifest for each in left if each.manifest]
    verdicts: list[Verdict] = []
    limits, rules = Limits(memory, disk, processes), Policy(jobs or default_parallelism(), retry_infra)
    with (
        sandboxed_builds(manifests, limits, unlimited_memory, not own_manifest, say) as builds,
        closing(check(left, book, rules, logs or log_directory(), builds)) as events,
    ):
        show_test(events, len(left) * len(book.kernels), as_json, verdicts)
    show_gradebook(book, len(kept), as_json)
    raise typer.Exit(EX_UNAVAILABLE if any(verdict.verdict == Outcome.ERROR for verdict in verdicts) else 0)
