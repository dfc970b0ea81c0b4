# SPDX-License-Identifier: BSD-2-Clause
"""The exceptions of the package. Only scaffold.cli turns them into messages and exit statuses."""

from collections.abc import Sequence
from dataclasses import dataclass


class EbpfNewError(Exception):
    """An error that the command line reports.

    `message` says what is wrong with which input; `hint` is the command or the change that fixes it.
    """

    exit_code = 1

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        """Return the message and the hint in one line."""
        return f"{self.message}; {self.hint}" if self.hint else self.message


class DiskError(EbpfNewError):
    """The disk cannot be read or written. No partial project remains."""


class GitError(EbpfNewError):
    """A git command failed."""


class TemplateError(EbpfNewError):
    """A template, or its data, is invalid."""


class UsageError(EbpfNewError):
    """An argument or an input file is invalid."""

    exit_code = 2


class UnavailableError(EbpfNewError):
    """A resource that the command needs, such as a kernel or a version of git, is not available."""

    exit_code = 69


class MissingVerdictsError(EbpfNewError):
    """There are fewer verdicts than expected."""

    exit_code = 69


class SandboxError(EbpfNewError):
    """This machine cannot isolate a build."""

    exit_code = 69


@dataclass(frozen=True)
class Problem:
    """An invalid answer: the argument or option that gave it, what is wrong with it, and how to fix it."""

    answer: str
    message: str
    hint: str = ""

    def __str__(self) -> str:
        """Return all of it in one line."""
        return f"{self.answer}: {self.message}; {self.hint}" if self.hint else f"{self.answer}: {self.message}"


class InvalidAnswersError(EbpfNewError):
    """One or more answers are invalid; nothing was written. `problems` contains all of them."""

    exit_code = 2

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("; ".join(map(str, problems)))
        self.problems = tuple(problems)
