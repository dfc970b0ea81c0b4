# SPDX-License-Identifier: BSD-2-Clause
"""GitHub Classroom's autograding: a workflow beside those that every repository has."""

from pathlib import Path

from scaffold.course.plan import Repository
from scaffold.errors import DiskError
from scaffold.generate.render import render_text
from scaffold.project.catalog import templates_directory

SOURCE = "_classroom"  # in the templates
WORKFLOW = ".github/workflows/classroom.yml"


def add_classroom(repository: Repository, root: Path) -> None:
    """Add the workflow to the tree `root`, which is `repository` before it is committed.

    Its names, and the notices that it ends with, are those by which classroom-resources/autograding-grading-reporter
    reports points.

    Raises:
        DiskError: it could not be written.
        TemplateError: its template is broken.
    """
    try:
        text = (templates_directory() / SOURCE / WORKFLOW).read_text(encoding="utf-8")
        (root / WORKFLOW).write_text(
            render_text(text, repository.plan.project, repository.plan.framework), encoding="utf-8"
        )
    except OSError as error:
        raise DiskError(f"cannot write the project: {error.strerror or error}") from error
