# SPDX-License-Identifier: BSD-2-Clause
"""Three versions of the templates, derived from the current ones, and projects that are generated from them."""

import shutil
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

from scaffold.generate.create import create, plan_project
from scaffold.project.catalog import load_catalog, templates_directory
from scaffold.project.request import ProjectRequest
from scaffold.update.archive import ARCHIVED_DIRECTORIES, TEMPLATES
from scaffold.update.update import Mode, TemplateSources, UpdateRequest, UpdateResult, update
from tests.conftest import git
from tools.archive_templates import archive

README = "_shared/texts/en/readme.j2"
PROJECT = "*/[[]= cookiecutter.name =]"  # the directory of every framework that becomes the project
Edit = Callable[[Path], None]


def replace_text(path: str, old: str, new: str) -> Edit:
    """Replace `old`, which must exist, in every file that matches the pattern `path`."""

    def edit(templates: Path) -> None:
        files = [file for file in templates.glob(path) if old in file.read_text()]
        assert files, f"{old!r} is not in {path}"
        for file in files:
            file.write_text(file.read_text().replace(old, new))

    return edit


def add_file(path: str, text: str) -> Edit:
    """Add a file to every framework."""

    def edit(templates: Path) -> None:
        for tree in templates.glob(PROJECT):
            (tree / path).parent.mkdir(parents=True, exist_ok=True)
            (tree / path).write_text(text)

    return edit


def remove_file(path: str) -> Edit:
    """Remove a file from every framework."""

    def edit(templates: Path) -> None:
        for tree in templates.glob(PROJECT):
            (tree / path).unlink()

    return edit


def rename_file(path: str, to: str) -> Edit:
    """Rename a file in every framework."""

    def edit(templates: Path) -> None:
        for tree in templates.glob(PROJECT):
            (tree / path).rename(tree / to)

    return edit


LONG_TEXT = "".join(f"Line {number} of a text of the templates.\n" for number in range(40))
VERSIONS: dict[str, list[Edit]] = {
    "1.0": [
        replace_text("_shared/cookiecutter.json", '"_version": "', '"_version": "1.0", "_was": "'),
        replace_text(README, "[% set test_what %]\n", "[% set test_what %]\nThe tests of 1.0 need no root.\n"),
        add_file("docs/old.md", "The templates drop this at 1.1.\n" + LONG_TEXT[:200]),
        add_file("docs/guide.md", LONG_TEXT),
        add_file("docs/moved.md", LONG_TEXT.replace("text", "chapter")),
        add_file("docs/last.md", LONG_TEXT.replace("text", "page")),
    ],
    "1.1": [
        replace_text("_shared/cookiecutter.json", '"_version": "1.0"', '"_version": "1.1"'),
        replace_text("_shared/Makefile.j2", "NAME := ", "# The name of the program.\nNAME := "),
        replace_text(README, "The tests of 1.0 ", "The tests of 1.1 "),
        replace_text(f"{PROJECT}/docs/guide.md", "Line 7 of", "The 7th line of"),
        replace_text(f"{PROJECT}/docs/last.md", "Line 9 of", "The 9th line of"),
        replace_text("_shared/trace.py.j2", "import os\n", "import os  # since 1.1\n"),
        remove_file("docs/old.md"),
        add_file("NEWS.md", "# News\n\nThis came with 1.1.\n"),
    ],
    "2.0": [
        replace_text("_shared/cookiecutter.json", '"_version": "1.1"', '"_version": "2.0"'),
        replace_text(README, "The tests of 1.1 ", "The tests of 2.0 "),
        replace_text("_shared/Makefile.j2", "# The name of the program.\n", "# How the program is called.\n"),
        replace_text(f"{PROJECT}/docs/guide.md", "Line 30 of", "The 30th line of"),
        replace_text(f"{PROJECT}/docs/moved.md", "Line 3 of", "The 3rd line of"),
        rename_file("docs/moved.md", "docs/chapter.md"),
        add_file("extra/deep/new.txt", "This came with 2.0.\n"),
        add_file("tools/more.py", "# This came with 2.0.\n"),
        remove_file("docs/last.md"),
        remove_file(".envrc"),
    ],
}  # fmt: skip


@cache
def _history() -> tempfile.TemporaryDirectory[str]:
    directory = tempfile.TemporaryDirectory(prefix="history-")
    root = Path(directory.name)
    (root / "releases").mkdir()
    previous = templates_directory().parent
    for version, edits in VERSIONS.items():
        for name in ARCHIVED_DIRECTORIES:
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(previous / name, root / version / name, symlinks=name == TEMPLATES, ignore=ignored)
        for edit in edits:
            edit(root / version / TEMPLATES)
        archive(root / version, version, root / "releases", {})
        previous = root / version
    return directory


def template_sources(version: str) -> TemplateSources:
    """Return the templates of `version` and the archives of all three. A test must not change these files."""
    root = Path(_history().name)
    return TemplateSources(root / version / TEMPLATES, root / "releases")


def create_at(version: str, directory: Path, framework: str = "libbpf", with_git: bool = True, **answers: str) -> Path:
    """Create a project from the templates of `version`, and return its directory."""
    directory.parent.mkdir(parents=True, exist_ok=True)
    original = _create_once(version, directory.name, framework, with_git, tuple(answers.items()))
    return shutil.copytree(Path(original.name, directory.name), directory, symlinks=True)


@cache
def _create_once(
    version: str, name: str, framework: str, with_git: bool, answers: tuple[tuple[str, str], ...]
) -> tempfile.TemporaryDirectory[str]:
    directory = tempfile.TemporaryDirectory(prefix="project-")
    target = Path(directory.name, name)
    request = ProjectRequest(target, framework, git=with_git, **dict(answers))  # type: ignore[arg-type]
    create(plan_project(request, load_catalog(template_sources(version).templates)))
    return directory


def update_to(project: Path, version: str, mode: Mode = Mode.WRITE, **answers: str) -> UpdateResult:
    """Update the project to the templates of `version`."""
    return update(UpdateRequest(project, answers, mode=mode), template_sources(version))


def commit_all(repository: Path, message: str = "Mine") -> None:
    """Commit every file, even if nothing has changed."""
    git(repository, "add", "--all")
    git(repository, "commit", "--quiet", "--allow-empty", "--message", message)


def install_version(version: str, directory: Path) -> Path:
    """Install ebpf-new with the templates of `version` in `directory`, and return the directory for PYTHONPATH."""
    shutil.copytree(templates_directory().parent / "scaffold", directory / "scaffold")
    shutil.copytree(template_sources(version).templates, directory / "templates", symlinks=True)
    for path in template_sources(version).releases.iterdir():
        shutil.copy(path, directory / "scaffold/update/releases")
    return directory
