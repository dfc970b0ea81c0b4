# SPDX-License-Identifier: BSD-2-Clause
"""`ebpf-new update` over a history: made at 1.0, edited by the user, templates at 1.1 and 2.0."""

import json
import os
import shutil
from pathlib import Path

import pytest

from scaffold.update.update import Change, Mode, Sources, UpdateRequest, update
from tests.conftest import git
from tests.render.histories import commit, made_at, sources, updated
from tests.render.trees import CATALOG, contents

FIRST = next(iter(CATALOG))
EVERY_FRAMEWORK = pytest.mark.parametrize("framework", CATALOG)


def words(changes: tuple[Change, ...]) -> dict[str, str]:
    return {change.path: change.what for change in changes}


def unmerged(repository: Path) -> dict[str, set[int]]:
    """The stages of each file that is not merged."""
    found: dict[str, set[int]] = {}
    for entry in git(repository, "ls-files", "--unmerged", "-z").split("\0"):
        if entry:
            found.setdefault(entry.partition("\t")[2], set()).add(int(entry.partition("\t")[0].split(" ")[2]))
    return found


@EVERY_FRAMEWORK
def test_what_nobody_edited_becomes_what_would_be_made_now(tmp_path: Path, framework: str) -> None:
    project = made_at("1.0", tmp_path / "hello", framework, owner="ada")
    wanted = contents(made_at("2.0", tmp_path / "2.0" / "hello", framework, with_git=False, owner="ada"))
    if framework == FIRST:  # by way of the version between
        updated(project, "1.1")
        commit(project, "Update")
    head = git(project, "rev-parse", "HEAD")
    done = updated(project, "2.0")
    assert done.exit_code == 0 and done.files and not done.left and not done.taken
    assert contents(project) == wanted
    assert git(project, "rev-parse", "HEAD") == head
    assert git(project, "diff", "--name-only") == git(project, "ls-files", "--others") == ""
    staged = git(project, "diff", "--cached", "--name-only", "--no-renames").splitlines()
    assert staged == sorted(words(done.files))
    commit(project, "Update")
    assert updated(project, "2.0", Mode.CHECK).exit_code == 0
    record = json.loads((project / ".ebpf-new.json").read_text())
    assert record["template"]["version"] == "2.0" and record["answers"]["owner"] == "ada"


def edited(directory: Path) -> Path:
    """A project of 1.0 whose user has changed, deleted, renamed and added files."""
    project = made_at("1.0", directory)
    readme = project / "README.md"
    readme.write_text(readme.read_text().replace("## Start\n", "## Start\n\nAsk Ada first.\n"))
    (project / "docs/old.md").write_text((project / "docs/old.md").read_text() + "I need this.\n")
    git(project, "rm", "--quiet", "docs/last.md", "test/kernels")
    git(project, "mv", "docs/guide.md", "manual.md")
    (project / "manual.md").write_text((project / "manual.md").read_text() + "My own end.\n")
    (project / "src/mine.c").write_text("int mine;\n")
    (project / "blob").write_bytes(bytes(range(256)))
    commit(project)
    return project


def test_edits_of_every_kind_live_on(tmp_path: Path) -> None:
    project = edited(tmp_path / "hello")
    done = updated(project, "1.1")
    assert done.exit_code == 0
    assert words(done.left) == {"docs/last.md": "stays deleted", "docs/old.md": "stays"}
    assert {path: what for path, what in words(done.files).items() if not path.startswith("test/vmtest")} == {
        ".ebpf-new.json": "changed",
        "Makefile": "changed",
        "NEWS.md": "added",
        "README.md": "changed",
        "manual.md": "changed",
        "tools/trace.py": "changed",
    }
    assert not (project / "docs/last.md").exists() and not (project / "test/kernels").exists()
    readme = (project / "README.md").read_text()
    assert "\nAsk Ada first.\n" in readme and "never touches the\nkernel" in readme
    manual = (project / "manual.md").read_text()
    assert "The 7th line" in manual and manual.endswith("My own end.\n")
    assert not (project / "docs/guide.md").exists()
    assert (project / "docs/old.md").read_text().endswith("I need this.\n")
    commit(project, "Update")

    done = updated(project, "2.0")
    assert done.exit_code == 0 and done.left == ()
    assert words(done.files) | {"Makefile": "changed", "README.md": "changed", "manual.md": "changed"} == {
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
    assert "\nAsk Ada first.\n" in (project / "README.md").read_text()
    assert (project / "src/mine.c").read_text() == "int mine;\n"
    assert (project / "blob").read_bytes() == bytes(range(256))


def test_the_users_edit_follows_what_the_templates_renamed(tmp_path: Path) -> None:
    project = made_at("1.1", tmp_path / "hello")
    moved = project / "docs/moved.md"
    moved.write_text(moved.read_text() + "My own end.\n")
    commit(project)
    updated(project, "2.0")
    chapter = (project / "docs/chapter.md").read_text()
    assert "The 3rd line" in chapter and chapter.endswith("My own end.\n")


def conflicting(directory: Path) -> Path:
    """A project of 1.0 whose user has changed the very line that 1.1 changes, and added what 1.1 adds."""
    project = made_at("1.0", directory)
    guide = project / "docs/guide.md"
    guide.write_text(guide.read_text().replace("Line 7 of", "My line 7 of"))
    (project / "NEWS.md").write_text("Nothing new.\n")
    commit(project)
    return project


def test_conflicts_are_gits_own(tmp_path: Path) -> None:
    project = conflicting(tmp_path / "hello")
    done = updated(project, "1.1")
    assert done.exit_code == 1
    assert [change.path for change in done.conflicts] == ["NEWS.md", "docs/guide.md"]
    guide = (project / "docs/guide.md").read_text()
    ours, theirs = "My line 7 of a text of the templates.\n", "The 7th line of a text of the templates.\n"
    assert f"<<<<<<< yours\n{ours}=======\n{theirs}>>>>>>> ebpf-new-1.1\n" in guide
    assert unmerged(project) == {"NEWS.md": {2, 3}, "docs/guide.md": {1, 2, 3}}
    status = git(project, "status", "--porcelain").splitlines()
    assert {"AA NEWS.md", "UU docs/guide.md"} <= set(status)
    assert not [line for line in status if line[0] == " " or line[0] == "?"]
    with pytest.raises(Exception, match="commit"):
        git(project, "commit", "--message", "too early")
    git(project, "checkout", "--theirs", "docs/guide.md")
    assert theirs in (project / "docs/guide.md").read_text()
    git(project, "checkout", "--ours", "NEWS.md")
    git(project, "add", "docs/guide.md", "NEWS.md")
    git(project, "commit", "--quiet", "--message", "Update")
    assert updated(project, "1.1", Mode.CHECK).files == ()
    assert (project / "NEWS.md").read_text() == "Nothing new.\n"


def test_two_files_that_could_not_be_merged_are_each_there(tmp_path: Path) -> None:
    project = made_at("1.0", tmp_path / "hello")
    git(project, "mv", "docs/moved.md", "docs/mine.md")
    (project / "docs/mine.md").write_text((project / "docs/mine.md").read_text() + "My own end.\n")
    commit(project)
    done = updated(project, "2.0")
    assert {"docs/mine.md", "docs/chapter.md"} <= {change.path for change in done.conflicts}
    assert (project / "docs/mine.md").read_text().endswith("My own end.\n")
    assert "The 3rd line" in (project / "docs/chapter.md").read_text()


def test_a_directory_that_the_user_replaced_by_a_link_stays_replaced(tmp_path: Path) -> None:
    project = made_at("1.0", tmp_path / "hello")
    git(project, "rm", "-r", "--quiet", "tools")
    (project / "tools").symlink_to("src")
    commit(project)
    done = updated(project, "2.0")
    assert done.exit_code == 0
    assert os.readlink(project / "tools") == "src"
    assert words(done.left) == {"tools/trace.py": "stays deleted", "tools/more.py": "stays deleted"}
    assert "in place of its directory" in done.left[0].why
    assert git(project, "status", "--porcelain", "tools") == ""


def test_a_file_in_place_of_a_directory_and_the_other_way_round(tmp_path: Path) -> None:
    project = made_at("1.0", tmp_path / "hello")
    (project / "extra").write_text("a file where 2.0 has a directory\n")
    git(project, "mv", "docs/last.md", "NEWS.md")
    (project / "NEWS.md").unlink()
    (project / "NEWS.md").mkdir()
    (project / "NEWS.md/mine").write_text("a directory where 2.0 has a file\n")
    commit(project)
    before = {data for data, _ in contents(project).values()}
    done = updated(project, "2.0")
    after = {data for data, _ in contents(project).values()}
    assert {b"a file where 2.0 has a directory\n", b"a directory where 2.0 has a file\n"} <= before & after
    assert len(done.conflicts) == 2 and len(unmerged(project)) == 2


def test_modes_are_merged_too(tmp_path: Path) -> None:
    project = made_at("1.0", tmp_path / "hello")
    (project / "docs/guide.md").chmod(0o755)
    commit(project)
    updated(project, "1.1")
    assert os.access(project / "docs/guide.md", os.X_OK)
    assert git(project, "ls-files", "--stage", "docs/guide.md").startswith("100755")


def test_files_are_written_as_the_user_has_them(tmp_path: Path) -> None:
    made = made_at("1.0", tmp_path / "made" / "hello")
    git(tmp_path, "-c", "core.autocrlf=true", "clone", "--quiet", str(made), "hello")
    project = tmp_path / "hello"
    git(project, "config", "core.autocrlf", "true")
    before = git(project, "diff", "--stat")
    done = updated(project, "1.1")
    assert done.conflicts == [] and before == ""
    assert b"This came with 1.1.\r\n" in (project / "NEWS.md").read_bytes()
    assert "\r" not in git(project, "cat-file", "blob", ":NEWS.md")
    assert git(project, "diff", "--name-only") == ""


def test_answers_are_kept_and_can_be_changed(tmp_path: Path) -> None:
    project = made_at("1.0", tmp_path / "hello", author="Grace Hopper", email="grace@example.org", license="MIT")
    assert updated(project, "1.1").exit_code == 0
    assert "Grace Hopper" in (project / "LICENSE").read_text()
    commit(project, "Update")
    done = updated(project, "1.1", license="Apache-2.0")
    assert done.exit_code == 0
    assert "SPDX-License-Identifier: Apache-2.0" in (project / "LICENSE").read_text()
    assert json.loads((project / ".ebpf-new.json").read_text())["answers"]["license"] == "Apache-2.0"


def test_another_number_alone_is_no_news(tmp_path: Path) -> None:
    project = made_at("1.1", tmp_path / "hello")
    record = project / ".ebpf-new.json"
    record.write_text(record.read_text().replace('"1.1"', '"1.0.5"'))
    commit(project)
    now = sources("1.1")
    shutil.copy(now.releases / "1.1.tar.xz", tmp_path / "1.0.5.tar.xz")
    assert update(UpdateRequest(project), Sources(now.templates, tmp_path)).files == ()
