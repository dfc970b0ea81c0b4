# SPDX-License-Identifier: BSD-2-Clause
"""The rules for names and for owners, as data for Python's `re`: exported repositories apply the same rules."""

import re
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Exclusion:
    """Values that are invalid although they match the pattern of a rule; `pattern` matches the whole value."""

    pattern: str
    reason: str

    def excludes(self, value: str) -> bool:
        """Return whether `value` is one of these values."""
        return bool(re.fullmatch(self.pattern, value, re.ASCII))


@dataclass(frozen=True)
class NameRule:
    """What a name must be: `pattern` (with `re.ASCII`) matches the whole name, and no exclusion does."""

    noun: str  # what the value is, such as "name of a libbpf project"
    pattern: str
    max_length: int
    expected: str  # the pattern and the length in words
    exclusions: tuple[Exclusion, ...] = ()

    def matches(self, value: str) -> bool:
        """Return whether the pattern and the length of `value` are valid; ignores the exclusions."""
        return bool(re.fullmatch(self.pattern, value, re.ASCII)) and len(value) <= self.max_length


def exclusion_reason(value: str, exclusions: Iterable[Exclusion]) -> str:
    """Return the reason of the first of `exclusions` that excludes `value`, or "" if there is none."""
    return next((exclusion.reason for exclusion in exclusions if exclusion.excludes(value)), "")


PROJECT_NAME = NameRule(
    "name of a project",
    "[A-Za-z][A-Za-z0-9_-]*",
    50,
    "a letter, then letters, digits, _ or -, at most 50 characters",
)
OWNER = NameRule(
    "user or organisation on GitHub",
    "[A-Za-z0-9]+(-[A-Za-z0-9]+)*",
    39,
    "letters and digits, with single - between them, at most 39 characters",
)
