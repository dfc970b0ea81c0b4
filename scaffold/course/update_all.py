# SPDX-License-Identifier: BSD-2-Clause
"""Update the existing repositories of a course to the templates of the installed version."""

from collections.abc import Iterator
from dataclasses import dataclass

from scaffold.course.plan import Course
from scaffold.errors import EbpfNewError
from scaffold.update.update import Mode, UpdateRequest, UpdateResult, update


@dataclass(frozen=True)
class UpdatedRepository:
    """The update of one repository. If `result` is None, the repository is unchanged and `problem` is the reason."""

    name: str
    result: UpdateResult | None
    problem: str = ""

    @property
    def is_done(self) -> bool:
        """Tell whether the update succeeded without conflicts."""
        return self.result is not None and not self.result.conflicts


def update_repositories(course: Course, dry_run: bool) -> Iterator[UpdatedRepository]:
    """Update each repository of `course` that already existed, and yield the results one by one.

    A repository that cannot be updated, for example because it has uncommitted changes, does not stop the others.
    """
    mode = Mode.DRY_RUN if dry_run else Mode.WRITE
    for repository in course.repositories:
        if not repository.is_kept:
            continue
        name = repository.plan.project.name
        try:
            yield UpdatedRepository(name, update(UpdateRequest(repository.plan.target, mode=mode)))
        except EbpfNewError as error:
            yield UpdatedRepository(name, None, str(error))
