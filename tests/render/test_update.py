# SPDX-License-Identifier: BSD-2-Clause
"""Updates of projects that the user edited, from 1.0 to 1.1 and 2.0 of the templates."""

import json
import shutil
from pathlib import Path

import pytest

from scaffold.update.update import FileStatus, Mode, TemplateSources, UpdateRequest, update
from tests.conftest import git
from tests.render.histories import commit_all, create_at, template_sources, update_to
from tests.render.trees import contents


def kinds(files: tuple[FileStatus, ...]) -> dict[str, str]:
    return {file.path: file.what for file in files}


@pytest.mark.parametrize("steps", [["2.0"], ["1.1", "2.0"]], ids="-".join)
def test_an_unedited_project_equals_a_new_one_after_the_update(tmp_path: Path, steps: list[str]) -> None:
    project = create_at("1.0", tmp_path / "hello", owner="ada")
    expected = contents(create_at("2.0", tmp_path / "2.0" / "hello", with_git=False, owner="ada"))
    for version in steps[:-1]:
        update_to(project, version)
        commit_all(project, "Update")
    head = git(project, "rev-parse", "HEAD")
    result = update_to(project, "2.0")
    assert result.exit_code == 0 and result.files and not result.kept and not result.defaults
    assert contents(project) == expected
    assert git(project, "rev-parse", "HEAD") == head
    assert git(project, "diff", "--name-only") == git(project, "ls-files", "--others") == ""
    staged = git(project, "diff", "--cached", "--name-only", "--no-renames").splitlines()
    assert staged == sorted(kinds(result.files))
    commit_all(project, "Update")
    assert update_to(project, "2.0", Mode.CHECK).exit_code == 0
    record = json.loads((project / ".ebpf-new.json").read_text())
    assert record["template"]["version"] == "2.0" and record["answers"]["owner"] == "ada"


def edited(directory: Path) -> Path:
    """Create a project at 1.0 in which the user changed, deleted, renamed and added files."""
    project = create_at("1.0", directory)
    readme = project / "README.md"
    readme.write_text("Ask Ada first.\n\n" + readme.read_text())
    (project / "docs/old.md").write_text((project / "docs/old.md").read_text() + "I need this.\n")
    git(project, "rm", "--quiet", "docs/last.md", "test/kernels")
    git(project, "mv", "docs/guide.md", "manual.md")
    (project / "manual.md").write_text((project / "manual.md").read_text() + "My own end.\n")
    (project / "src/mine.c").write_text("int mine;\n")
    (project / "blob").write_bytes(bytes(range(256)))
    commit_all(project)
    return project


def test_an_update_keeps_edits_of_every_kind(tmp_path: Path) -> None:
    project = edited(tmp_path / "hello")
    result = update_to(project, "1.1")
    assert result.exit_code == 0
    assert kinds(result.kept) == {"docs/last.md": "stays deleted", "docs/old.md": "stays"}
    assert {path: what for path, what in kinds(result.files).items() if not path.startswith("test/vmtest")} == {
        ".ebpf-new.json": "changed",
        "Makefile": "changed",
        "NEWS.md": "added",
        "README.md": "changed",
        "manual.md": "changed",
        "tools/trace.py": "changed",
    }
    assert not (project / "docs/last.md").exists() and not (project / "test/kernels").exists()
    readme = (project / "README.md").read_text()
    assert readme.startswith("Ask Ada first.\n") and "The tests of 1.1 " in readme
    manual = (project / "manual.md").read_text()
    assert "The 7th line" in manual and manual.endswith("My own end.\n")
    assert not (project / "docs/guide.md").exists()
    assert (project / "docs/old.md").read_text().endswith("I need this.\n")
    commit_all(project, "Update")

    result = update_to(project, "2.0")
    assert result.exit_code == 0 and result.kept == ()
    assert kinds(result.files) | {"Makefile": "changed", "README.md": "changed", "manual.md": "changed"} == {
        ".ebpf-new.json": "changed",
        ".envrc": "removed",
        "Makefile": "changed",
        "README.md": "changed",
        "docs/chapter.md": "added",
        "docs/moved.md": "removed",
        "extra/deep/new.txt": "added",
        "manual.md": "changed",
        "tools/more.py": "added",
    }
    assert "The 30th line" in (project / "manual.md").read_text()
    readme = (project / "README.md").read_text()
    assert readme.startswith("Ask Ada first.\n") and "The tests of 2.0 " in readme
    assert (project / "src/mine.c").read_text() == "int mine;\n"
    assert (project / "blob").read_bytes() == bytes(range(256))


def test_recorded_answers_are_kept_and_can_be_changed(tmp_path: Path) -> None:
    project = create_at("1.0", tmp_path / "hello", author="Grace Hopper", email="grace@example.org", license="MIT")
    assert update_to(project, "1.1").exit_code == 0
    assert "Grace Hopper" in (project / "LICENSE").read_text()
    commit_all(project, "Update")
    result = update_to(project, "1.1", license="Apache-2.0")
    assert result.exit_code == 0
    assert "SPDX-License-Identifier: Apache-2.0" in (project / "LICENSE").read_text()
    assert json.loads((project / ".ebpf-new.json").read_text())["answers"]["license"] == "Apache-2.0"


def test_a_new_version_with_the_same_templates_changes_nothing(tmp_path: Path) -> None:
    project = create_at("1.1", tmp_path / "hello")
    record = project / ".ebpf-new.json"
    record.write_text(record.read_text().replace('"1.1"', '"1.0.5"'))
    commit_all(project)
    sources = template_sources("1.1")
    shutil.copy(sources.releases / "1.1.tar.xz", tmp_path / "1.0.5.tar.xz")
    assert update(UpdateRequest(project), TemplateSources(sources.templates, tmp_path)).files == ()
