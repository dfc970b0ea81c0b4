# SPDX-License-Identifier: BSD-2-Clause
"""Templates as they were at three versions, made once from today's, and projects that are made by them."""

import shutil
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

from scaffold.generate.create import create, plan_project
from scaffold.project.catalog import load_catalog, templates_directory
from scaffold.project.request import ProjectRequest
from scaffold.update.archive import PARTS
from scaffold.update.update import Mode, Sources, Updated, UpdateRequest, update
from tests.conftest import git
from tools.archive_templates import archive

TREE = "*/[[]= cookiecutter.name =]"  # where every framework has its files
Edit = Callable[[Path], None]


def replaced(path: str, old: str, new: str) -> Edit:
    """Change a text that is there, in every file of that path."""

    def edit(templates: Path) -> None:
        found = [file for file in templates.glob(path) if old in file.read_text()]
        assert found, f"{old!r} is not in {path}"
        for file in found:
            file.write_text(file.read_text().replace(old, new))

    return edit


def added(path: str, text: str) -> Edit:
    """Give every framework a file."""

    def edit(templates: Path) -> None:
        for tree in templates.glob(TREE):
            (tree / path).parent.mkdir(parents=True, exist_ok=True)
            (tree / path).write_text(text)

    return edit


def dropped(path: str) -> Edit:
    """Take a file from every framework."""

    def edit(templates: Path) -> None:
        for tree in templates.glob(TREE):
            (tree / path).unlink()

    return edit


def renamed(path: str, to: str) -> Edit:
    """Rename a file of every framework."""

    def edit(templates: Path) -> None:
        for tree in templates.glob(TREE):
            (tree / path).rename(tree / to)

    return edit


LONG = "".join(f"Line {number} of a text of the templates.\n" for number in range(40))
VERSIONS: dict[str, list[Edit]] = {
    "1.0": [
        replaced("_shared/cookiecutter.json", '"_version": "', '"_version": "1.0", "_was": "'),
        added("docs/old.md", "The templates drop this at 1.1.\n" + LONG[:200]),
        added("docs/guide.md", LONG),
        added("docs/moved.md", LONG.replace("text", "chapter")),
        added("docs/last.md", LONG.replace("text", "page")),
    ],
    "1.1": [
        replaced("_shared/cookiecutter.json", '"_version": "1.0"', '"_version": "1.1"'),
        replaced("_shared/Makefile.j2", "NAME := ", "# The name of the program.\nNAME := "),
        replaced("_shared/texts/en/readme.j2", "does not touch the\nkernel of", "never touches the\nkernel of"),
        replaced(f"{TREE}/docs/guide.md", "Line 7 of", "The 7th line of"),
        replaced(f"{TREE}/docs/last.md", "Line 9 of", "The 9th line of"),
        replaced("_shared/trace.py.j2", "cannot read", "could not read"),
        dropped("docs/old.md"),
        added("NEWS.md", "# News\n\nThis came with 1.1.\n"),
    ],
    "2.0": [
        replaced("_shared/cookiecutter.json", '"_version": "1.1"', '"_version": "2.0"'),
        replaced("_shared/texts/en/readme.j2", "never touches the\nkernel", "takes care of the\nkernel"),
        replaced("_shared/Makefile.j2", "# The name of the program.\n", "# How the program is called.\n"),
        replaced(f"{TREE}/docs/guide.md", "Line 30 of", "The 30th line of"),
        replaced(f"{TREE}/docs/moved.md", "Line 3 of", "The 3rd line of"),
        renamed("docs/moved.md", "docs/chapter.md"),
        added("extra/deep/new.txt", "This came with 2.0.\n"),
        added("tools/more.py", "# This came with 2.0.\n"),
        dropped("docs/last.md"),
        dropped(".envrc"),
    ],
}  # fmt: skip


@cache
def _history() -> tempfile.TemporaryDirectory[str]:
    directory = tempfile.TemporaryDirectory(prefix="history-")
    place = Path(directory.name)
    (place / "releases").mkdir()
    before = templates_directory().parent
    for version, edits in VERSIONS.items():
        shutil.copytree(before / "templates", place / version / "templates", symlinks=True)
        for part in PARTS[1:]:
            shutil.copytree(before / part, place / version / part, ignore=shutil.ignore_patterns("__pycache__"))
        for edit in edits:
            edit(place / version / "templates")
        archive(place / version, version, place / "releases", {})
        before = place / version
    return directory


def sources(version: str) -> Sources:
    """The templates of that version, and the archive of all three, to be left as they are."""
    place = Path(_history().name)
    return Sources(place / version / "templates", place / "releases")


def made_at(version: str, directory: Path, framework: str = "libbpf", with_git: bool = True, **answers: str) -> Path:
    """A project that is made at that version."""
    directory.parent.mkdir(parents=True, exist_ok=True)
    made = _made(version, directory.name, framework, with_git, tuple(answers.items()))
    return shutil.copytree(Path(made.name, directory.name), directory, symlinks=True)


@cache
def _made(
    version: str, name: str, framework: str, with_git: bool, answers: tuple[tuple[str, str], ...]
) -> tempfile.TemporaryDirectory[str]:
    place = tempfile.TemporaryDirectory(prefix="made-")
    request = ProjectRequest(Path(place.name, name), framework, git=with_git, **dict(answers))  # type: ignore[arg-type]
    create(plan_project(request, load_catalog(sources(version).templates)))
    return place


def updated(project: Path, version: str, mode: Mode = Mode.WRITE, **answers: str) -> Updated:
    """What an update to that version did."""
    return update(UpdateRequest(project, answers, mode=mode), sources(version))


def commit(repository: Path, message: str = "Mine") -> None:
    """Commit all that is there, if there is something new or not."""
    git(repository, "add", "--all")
    git(repository, "commit", "--quiet", "--allow-empty", "--message", message)


def installed(version: str, directory: Path) -> Path:
    """The command with the templates of that version below `directory`: what PYTHONPATH takes."""
    shutil.copytree(templates_directory().parent / "scaffold", directory / "scaffold")
    shutil.copytree(sources(version).templates, directory / "templates", symlinks=True)
    for path in sources(version).releases.iterdir():
        shutil.copy(path, directory / "scaffold/update/releases")
    return directory
