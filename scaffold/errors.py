# SPDX-License-Identifier: BSD-2-Clause
"""The exceptions of this command. Only the command line turns them into messages and exit codes."""

from collections.abc import Sequence
from dataclasses import dataclass


class EbpfNewError(Exception):
    """A message that says what is wrong with which input, and a hint: the command or change that fixes it."""

    exit_code = 1

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        """Return the message and the hint in one line."""
        return f"{self.message}; {self.hint}" if self.hint else self.message


class DiskError(EbpfNewError):
    """Writing the project failed; no part of it is left behind."""


class GitError(EbpfNewError):
    """A git command failed."""


class TemplateError(EbpfNewError):
    """A template, or its data, is invalid."""


class UsageError(EbpfNewError):
    """An argument or an input file is invalid."""

    exit_code = 2


class UnavailableError(EbpfNewError):
    """Something that this machine must provide or fetch, such as a kernel, is not available."""

    exit_code = 69


class MissingVerdictsError(EbpfNewError):
    """Fewer verdicts were found than expected."""

    exit_code = 69


class SandboxError(EbpfNewError):
    """This machine cannot isolate a build."""

    exit_code = 69


@dataclass(frozen=True)
class Problem:
    """One invalid answer: the argument or option that gave it, what is wrong with it, and how to fix it."""

    answer: str
    message: str
    hint: str = ""


class InvalidAnswersError(EbpfNewError):
    """Some answers are invalid. `problems` contains all of them; nothing was written."""

    exit_code = 2

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("; ".join(f"{problem.answer}: {problem.message}" for problem in problems))
        self.problems = tuple(problems)
