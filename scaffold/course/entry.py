# SPDX-License-Identifier: BSD-2-Clause
"""A line of a course's index: one repository, and what the index records about it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class EntryStatus(StrEnum):
    """How a repository of a course came to its state; the values are those of the column `status` in index.csv."""

    MADE = "made"  # the run that wrote the index created it
    KEPT = "kept"  # it existed before that run
    OTHER = "other"  # it exists, but the last roster does not list it
    MISSING = "missing"  # the roster lists it, but it does not exist yet


@dataclass(frozen=True)
class Entry:
    """A repository of a course, as index.csv lists it."""

    row: int | None  # the line of the roster; None for EntryStatus.OTHER
    name: str
    framework: str
    program: str
    path: str  # relative to the course's directory
    author: str
    email: str
    owner: str
    commit: str  # HEAD when the index was written; "" without git and for EntryStatus.MISSING
    status: EntryStatus
    more: Mapping[str, str] = field(default_factory=dict)  # columns of the roster that the index keeps, by name

    @property
    def exists(self) -> bool:
        """Tell whether the repository existed when the index was written."""
        return self.status is not EntryStatus.MISSING
