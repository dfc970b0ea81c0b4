# SPDX-License-Identifier: BSD-2-Clause
"""Build and test the repositories of a course, each build in a sandbox."""

from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from itertools import chain
from pathlib import Path

from scaffold.course.gradebook import Gradebook
from scaffold.course.submissions import Submission
from scaffold.testing.engine import Event, run_jobs
from scaffold.testing.sandbox.builds import SandboxedBuilds
from scaffold.testing.schedule import Job, Policy
from scaffold.vmtest.architecture import host_architecture
from scaffold.vmtest.verdict import Outcome, Verdict


def check(
    submissions: Sequence[Submission], gradebook: Gradebook, rules: Policy, logs: Path, builds: SandboxedBuilds
) -> Generator[Event, None, None]:
    """Check `submissions` on the kernels of `gradebook`, which is kept up meanwhile, and yield what happens.

    There is one verdict for each pair, also of what cannot be checked. The consoles of the guests in which a program
    did not pass are kept in the directory `logs`.

    Raises:
        DiskError: the gradebook cannot be written.
    """
    arch = host_architecture().name
    manifests = [each.manifest for each in submissions if each.manifest]
    runs = [Job(manifest, kernel, arch) for manifest in manifests for kernel in gradebook.kernels]
    with closing(run_jobs(runs, rules, logs, builds)) as events:
        yield from gradebook.follow(chain(_refusals(submissions, gradebook.kernels, arch), events))


def _refusals(submissions: Sequence[Submission], kernels: Sequence[str], arch: str) -> Iterator[Verdict]:
    for each in submissions:
        if each.problem:
            for kernel in kernels:
                yield Verdict(each.name, each.framework, kernel, arch, verdict=Outcome.FAIL, reason=each.problem)
