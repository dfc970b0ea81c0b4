# SPDX-License-Identifier: BSD-2-Clause
"""The repositories of a course that were there before, brought to the templates of today."""

from collections.abc import Iterator
from dataclasses import dataclass

from scaffold.course.plan import Course
from scaffold.errors import EbpfNewError
from scaffold.update.update import Mode, Updated, UpdateRequest, update


@dataclass(frozen=True)
class UpdatedRepository:
    """What became of one repository; without `updated` it is as it was, and `why` says what kept it from an update."""

    name: str
    updated: Updated | None
    why: str = ""

    @property
    def is_done(self) -> bool:
        """Tell whether nothing is left to do but to look at it and commit."""
        return self.updated is not None and not self.updated.conflicts


def update_repositories(course: Course, dry_run: bool) -> Iterator[UpdatedRepository]:
    """Update each repository of `course` that was there, and yield what became of it.

    What cannot be updated, such as one with changes that are not committed, costs only itself.
    """
    mode = Mode.DRY_RUN if dry_run else Mode.WRITE
    for repository in course.repositories:
        if repository.kept:
            name = repository.plan.project.name
            try:
                yield UpdatedRepository(name, update(UpdateRequest(repository.plan.target, mode=mode)))
            except EbpfNewError as error:
                yield UpdatedRepository(name, None, str(error))
