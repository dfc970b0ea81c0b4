# SPDX-License-Identifier: BSD-2-Clause
"""Rendering a project's tree from its answers with cookiecutter."""

import os
import shutil
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scaffold.errors import DiskError, TemplateError, UsageError
from scaffold.project.catalog import Framework, is_private_variable, read_context_file
from scaffold.project.model import Project

if TYPE_CHECKING:
    from jinja2 import BytecodeCache

PYCACHE = "__pycache__"


def render(project: Project, framework: Framework, directory: Path) -> Path:
    """Render `project` into the existing `directory`, and return the new directory in it.

    Raises:
        DiskError: a file cannot be written; parts of the tree remain.
        TemplateError: the template is invalid.
    """
    return _generate(framework.directory, _template_context(project, framework), directory)


def render_recorded(answers: Mapping[str, str], template: Path, directory: Path) -> Path:
    """Render the recorded `answers` of a project with the `template` directory of any version, as `render` does.

    Raises:
        DiskError, TemplateError: as `render`.
        UsageError: the record lacks answers that the template needs.
    """
    context_file = read_context_file(template)
    missing = [key for key in context_file if not key.startswith("_") and key not in answers]
    if missing:
        raise UsageError(f"answers are missing in the record of the project: {', '.join(missing)}")
    settings = {key: value for key, value in context_file.items() if is_private_variable(key)}
    context = {"cookiecutter": {**settings, **answers, "__module": answers.get("module", "")}}
    return _generate(template, context, directory)


def _generate(template: Path, context: dict[str, Any], directory: Path) -> Path:
    from cookiecutter.exceptions import CookiecutterException
    from cookiecutter.generate import generate_files
    from jinja2 import TemplateError as JinjaError

    try:
        root = Path(generate_files(template, context, directory, accept_hooks=False))
        _normalize(root)
    except OSError as error:
        raise DiskError(f"cannot write the project: {error.strerror or error}") from error
    except (CookiecutterException, JinjaError) as error:
        raise TemplateError(f"the template {template} is invalid: {error}") from error
    return root


def import_cookiecutter() -> None:
    """Import what `render` imports, so that processes which are forked afterwards need not import it again."""
    for module in ("cookiecutter.extensions", "cookiecutter.generate"):
        import_module(module)


def planned_files(project: Project, framework: Framework) -> list[str]:
    """Return the files that `render` would create, relative to the project, sorted; writes nothing."""
    from cookiecutter.find import find_template
    from cookiecutter.utils import create_env_with_context

    context = _template_context(project, framework)
    environment = create_env_with_context(context)
    template = find_template(framework.directory, environment)
    paths = []
    for parent, directories, files in os.walk(template, followlinks=True):
        directories[:] = [name for name in directories if name != PYCACHE]
        paths += [os.path.relpath(os.path.join(parent, name), template) for name in files]
    return sorted(environment.from_string(path).render(**context) for path in paths)


def render_text(text: str, project: Project, framework: Framework) -> str:
    """Return `text` rendered like a file of the framework's template.

    Raises:
        TemplateError: `text` is not a valid template.
    """
    from cookiecutter.utils import create_env_with_context
    from jinja2 import TemplateError as JinjaError

    context = _template_context(project, framework)
    try:
        rendered: str = create_env_with_context(context).from_string(text).render(**context)
    except JinjaError as error:
        raise TemplateError(f"an additional template is invalid: {error}") from error
    return rendered


def render_file(name: str, project: Project, framework: Framework) -> str:
    """Return the contents of the file `name` of the tree that `render` creates; writes nothing.

    `name` is relative to the project, and must be the same for all answers.

    Raises:
        TemplateError: the template is invalid, or has no such file.
    """
    from cookiecutter.find import find_template
    from cookiecutter.utils import create_env_with_context
    from jinja2 import FileSystemLoader
    from jinja2 import TemplateError as JinjaError

    context = _template_context(project, framework)
    environment = create_env_with_context(context)
    environment.loader = FileSystemLoader(
        [find_template(framework.directory, environment), framework.directory / "templates"]
    )
    try:
        rendered: str = environment.get_template(name).render(**context)
    except JinjaError as error:
        raise TemplateError(f"the template {framework.directory} is invalid: {error}") from error
    return rendered


def files_in(root: Path) -> list[str]:
    """Return the files below `root`, relative to it, sorted, without the repository `root`/.git."""
    files = []
    for parent, directories, names in _walk(root):
        if parent == str(root):
            directories[:] = [name for name in directories if name != ".git"]
        files += [os.path.relpath(os.path.join(parent, name), root) for name in names]
    return sorted(files)


def _template_context(project: Project, framework: Framework) -> dict[str, Any]:
    # cookiecutter passes _jinja2_env_vars to jinja2.Environment.
    environment_options = {
        **framework.settings.get("_jinja2_env_vars", {}),
        "bytecode_cache": _bytecode_cache(framework.directory),
    }
    answers = {**project.answers(), "__module": project.module}
    return {"cookiecutter": {**framework.settings, **answers, "_jinja2_env_vars": environment_options}}


@cache
def _bytecode_cache(_template: Path) -> "BytecodeCache":
    """Return the compiled templates of one template directory, in memory: a course renders them many times."""
    from types import CodeType

    from jinja2 import BytecodeCache
    from jinja2.bccache import Bucket

    class MemoryCache(BytecodeCache):
        def __init__(self) -> None:
            self.code: dict[tuple[str, str], CodeType] = {}

        def load_bytecode(self, bucket: Bucket) -> None:
            bucket.code = self.code.get((bucket.key, bucket.checksum))

        def dump_bytecode(self, bucket: Bucket) -> None:
            if bucket.code is not None:
                self.code[bucket.key, bucket.checksum] = bucket.code

    return MemoryCache()


def _normalize(root: Path) -> None:
    """Remove compiled Python files below `root`, and set every mode to the one of a new file.

    cookiecutter copies the modes of the template, and an installed template may be read-only.
    """
    umask = os.umask(0)
    os.umask(umask)
    for parent, directories, files in _walk(root):
        os.chmod(parent, 0o777 & ~umask)
        if PYCACHE in directories:
            directories.remove(PYCACHE)
            shutil.rmtree(os.path.join(parent, PYCACHE))
        for name in files:
            path = os.path.join(parent, name)
            executable = os.stat(path).st_mode & 0o100
            os.chmod(path, (0o777 if executable else 0o666) & ~umask)


def _walk(root: Path) -> Iterator[tuple[str, list[str], list[str]]]:
    """Walk like os.walk, but raise the OSError of a directory that cannot be read."""

    def raise_error(error: OSError) -> None:
        raise error

    yield from os.walk(root, onerror=raise_error)
