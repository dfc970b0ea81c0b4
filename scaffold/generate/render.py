# SPDX-License-Identifier: BSD-2-Clause
"""A project's tree from its answers, by cookiecutter."""

import os
import shutil
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scaffold.errors import DiskError, TemplateError, UsageError
from scaffold.project.catalog import Framework, is_setting, read_questions
from scaffold.project.model import Project

if TYPE_CHECKING:
    from scaffold.generate.compiled import CompiledTemplates

CACHE = "__pycache__"


def render(project: Project, framework: Framework, directory: Path) -> Path:
    """Render `project` into `directory`, which exists, and return the new directory in it.

    Raises:
        DiskError: a file could not be written. Parts of the tree are left behind.
        TemplateError: the template is broken.
    """
    return _generate(framework.directory, _context(project, framework), directory)


def render_recorded(answers: Mapping[str, str], template: Path, directory: Path) -> Path:
    """Do the same with `answers` as a project recorded them, by the template of whichever version.

    Raises:
        DiskError, TemplateError: as `render`.
        UsageError: the template asks for more than was recorded.
    """
    keys = read_questions(template)
    lacking = [key for key in keys if not key.startswith("_") and key not in answers]
    if lacking:
        raise UsageError(f"the project was made by other answers than are recorded; not there: {', '.join(lacking)}")
    private = {key: value for key, value in keys.items() if is_setting(key)}
    context = {"cookiecutter": {**private, **answers, "__module": answers.get("module", "")}}
    return _generate(template, context, directory)


def _generate(template: Path, context: dict[str, Any], directory: Path) -> Path:
    # cookiecutter.main would import twice as much, for prompts and downloads that are not needed here.
    from cookiecutter.exceptions import CookiecutterException
    from cookiecutter.generate import generate_files
    from jinja2 import TemplateError as JinjaError

    try:
        root = Path(generate_files(template, context, directory, accept_hooks=False))
        _tidy(root)
    except OSError as error:
        raise DiskError(f"cannot write the project: {error.strerror or error}") from error
    except (CookiecutterException, JinjaError) as error:
        raise TemplateError(f"the template {template} is broken: {error}") from error
    return root


def import_what_renders() -> None:
    """Import what rendering and committing need and takes long to import."""
    for name in ("cookiecutter.generate", "git"):
        import_module(name)


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
    # cookiecutter hands these on to jinja.
    environment = {**framework.settings.get("_jinja2_env_vars", {}), "bytecode_cache": _compiled(framework.directory)}
    answers = {**project.answers(), "__module": project.module}
    return {"cookiecutter": {**framework.settings, **answers, "_jinja2_env_vars": environment}}


@cache
def _compiled(_directory: Path) -> "CompiledTemplates":
    """Return the compiled templates of the framework there: one directory's names are not another's."""
    from scaffold.generate.compiled import CompiledTemplates

    return CompiledTemplates()


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
