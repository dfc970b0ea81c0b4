# SPDX-License-Identifier: BSD-2-Clause
"""Build and test the repositories of a course; each build runs in a sandbox."""

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
    submissions: Sequence[Submission], gradebook: Gradebook, policy: Policy, logs: Path, builds: SandboxedBuilds
) -> Generator[Event, None, None]:
    """Check `submissions` on the kernels of `gradebook`, record the results there, and yield the events.

    The events contain one verdict for each submission and kernel, also if the submission cannot be checked. The
    consoles of guests in which a program did not pass are written to the directory `logs`.

    Raises:
        DiskError: the gradebook cannot be written.
    """
    arch = host_architecture().name
    manifests = [submission.manifest for submission in submissions if submission.manifest]
    jobs = [Job(manifest, kernel, arch) for manifest in manifests for kernel in gradebook.kernels]
    with closing(run_jobs(jobs, policy, logs, builds)) as events:
        yield from gradebook.follow(chain(_problem_verdicts(submissions, gradebook.kernels, arch), events))


def _problem_verdicts(submissions: Sequence[Submission], kernels: Sequence[str], arch: str) -> Iterator[Verdict]:
    """Yield the verdicts of the submissions that cannot be checked."""
    for submission in submissions:
        if submission.problem:
            for kernel in kernels:
                name, framework, reason = submission.name, submission.framework, submission.problem
                yield Verdict(name, framework, kernel, arch, verdict=Outcome.FAIL, reason=reason)
