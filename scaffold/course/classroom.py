# SPDX-License-Identifier: BSD-2-Clause
"""The workflow for GitHub Classroom's autograding, in addition to the workflows of every repository."""

from pathlib import Path

from scaffold.course.plan import Repository
from scaffold.errors import DiskError
from scaffold.generate.render import render_text
from scaffold.project.catalog import templates_directory

TEMPLATES = "_classroom"  # the directory in the templates
WORKFLOW = ".github/workflows/classroom.yml"


def add_classroom(repository: Repository, root: Path) -> None:
    """Write the workflow of `repository` into the directory `root` of its files, which are not committed yet.

    Classroom finds the points by the names of the workflow and of its job, and by its notices. Their format is the one
    of classroom-resources/autograding-grading-reporter.

    Raises:
        DiskError: the file cannot be written.
        TemplateError: the template is invalid.
    """
    project, framework = repository.plan.project, repository.plan.framework
    try:
        template = (templates_directory() / TEMPLATES / WORKFLOW).read_text(encoding="utf-8")
        (root / WORKFLOW).write_text(render_text(template, project, framework), encoding="utf-8")
    except OSError as error:
        raise DiskError(f"cannot write {WORKFLOW}: {error.strerror or error}") from error
