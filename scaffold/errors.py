# SPDX-License-Identifier: BSD-2-Clause
"""What can go wrong, as exceptions; the command line alone turns them into words and exit codes."""

from collections.abc import Sequence
from dataclasses import dataclass


class EbpfNewError(Exception):
    """The work could not be done; the message says why and what to do about it."""

    exit_code = 1


class DiskError(EbpfNewError):
    """Writing the project failed; nothing of it was left behind."""


class GitError(EbpfNewError):
    """git refused to make the repository or its first commit."""


class TemplateError(EbpfNewError):
    """A template, or the data about it, is broken."""


class UsageError(EbpfNewError):
    """The command was given something that it does not take."""

    exit_code = 2


class CannotGet(EbpfNewError):
    """What is needed from elsewhere, such as a kernel, is not to be had."""

    exit_code = 69


class Incomplete(EbpfNewError):
    """Some verdicts that were to be there are not."""

    exit_code = 69


class NoSandbox(EbpfNewError):
    """This machine cannot keep a build from doing harm."""

    exit_code = 69


@dataclass(frozen=True)
class Problem:
    """One bad answer: the argument or option that gave it, and what is wrong and allowed."""

    answer: str
    message: str


class BadAnswers(EbpfNewError):
    """Some answers are not acceptable. `problems` holds all of them; nothing was written."""

    exit_code = 2

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("; ".join(f"{problem.answer}: {problem.message}" for problem in problems))
        self.problems = tuple(problems)
