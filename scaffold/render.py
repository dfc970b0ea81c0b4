# SPDX-License-Identifier: BSD-2-Clause
"""A project's tree from its answers, by cookiecutter."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from scaffold.catalog import Framework
from scaffold.errors import DiskError, TemplateError
from scaffold.project import Project

CACHE = "__pycache__"


def render(project: Project, framework: Framework, directory: Path) -> Path:
    """Render `project` into `directory`, which exists, and return the new directory in it.

    Raises:
        DiskError: a file could not be written. Parts of the tree are left behind.
        TemplateError: the template is broken.
    """
    # cookiecutter.main would import twice as much, for prompts and downloads that are not needed here.
    from cookiecutter.exceptions import CookiecutterException
    from cookiecutter.generate import generate_files
    from jinja2 import TemplateError as JinjaError

    context = _context(project, framework)
    try:
        root = Path(generate_files(framework.directory, context, directory, accept_hooks=False))
        _tidy(root)
    except OSError as error:
        raise DiskError(f"cannot write the project: {error.strerror or error}") from error
    except (CookiecutterException, JinjaError) as error:
        raise TemplateError(f"the template {framework.directory} is broken: {error}") from error
    return root


def planned_files(project: Project, framework: Framework) -> list[str]:
    """Return the files that `render` would make, relative to the project, sorted; writes nothing."""
    from cookiecutter.find import find_template
    from cookiecutter.utils import create_env_with_context

    context = _context(project, framework)
    environment = create_env_with_context(context)
    template = find_template(framework.directory, environment)
    found = []
    for parent, directories, files in os.walk(template, followlinks=True):
        directories[:] = [name for name in directories if name != CACHE]
        found += [os.path.relpath(os.path.join(parent, name), template) for name in files]
    return sorted(environment.from_string(path).render(**context) for path in found)


def render_text(text: str, project: Project, framework: Framework) -> str:
    """Return `text` rendered as a file of the framework's template is.

    Raises:
        TemplateError: it cannot be.
    """
    from cookiecutter.utils import create_env_with_context
    from jinja2 import TemplateError as JinjaError

    context = _context(project, framework)
    try:
        rendered: str = create_env_with_context(context).from_string(text).render(**context)
    except JinjaError as error:
        raise TemplateError(f"a template of the export is broken: {error}") from error
    return rendered


def render_file(name: str, project: Project, framework: Framework) -> str:
    """Return the file `name` of the tree that `render` makes, without making it; `name` depends on no answer.

    Raises:
        TemplateError: the template is broken, or has no such file.
    """
    from cookiecutter.find import find_template
    from cookiecutter.utils import create_env_with_context
    from jinja2 import FileSystemLoader
    from jinja2 import TemplateError as JinjaError

    context = _context(project, framework)
    environment = create_env_with_context(context)
    environment.loader = FileSystemLoader(
        [find_template(framework.directory, environment), framework.directory / "templates"]
    )
    try:
        rendered: str = environment.get_template(name).render(**context)
    except JinjaError as error:
        raise TemplateError(f"the template {framework.directory} is broken: {error}") from error
    return rendered


def files_in(root: Path) -> list[str]:
    """Return the files below `root` without those of git, relative to it, sorted."""
    return sorted(
        os.path.relpath(os.path.join(parent, name), root)
        for parent, _, files in _walk(root)
        for name in files
        if Path(parent).relative_to(root).parts[:1] != (".git",)
    )


def _context(project: Project, framework: Framework) -> dict[str, Any]:
    return {"cookiecutter": {**framework.settings, **project.answers(), "__module": project.module}}


def _tidy(root: Path) -> None:
    """Remove Python's leavings, and give each file the mode that the user's umask asks for.

    cookiecutter copies the modes of the templates, which are those of an installation: read-only perhaps.
    """
    umask = os.umask(0)
    os.umask(umask)
    for parent, directories, files in _walk(root):
        os.chmod(parent, 0o777 & ~umask)
        if CACHE in directories:
            directories.remove(CACHE)
            shutil.rmtree(os.path.join(parent, CACHE))
        for name in files:
            path = os.path.join(parent, name)
            executable = os.stat(path).st_mode & 0o100
            os.chmod(path, (0o777 if executable else 0o666) & ~umask)


def _walk(root: Path) -> Iterator[tuple[str, list[str], list[str]]]:
    yield from os.walk(root, onerror=_raise)


def _raise(error: OSError) -> None:
    raise error
