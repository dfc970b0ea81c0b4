# SPDX-License-Identifier: BSD-2-Clause
"""What an update compares with: the project as it was generated, by whichever version, on whichever clone."""

import json
import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
from packaging.version import Version

from scaffold import __version__
from scaffold.errors import TemplateError, UnavailableError, UsageError
from scaffold.generate.render import render_recorded
from scaffold.project.catalog import load_catalog, templates_directory
from scaffold.update.archive import released_versions, releases_directory, unpack
from scaffold.update.update import Mode, Sources, UpdateRequest, update
from tests.conftest import git
from tests.render.histories import commit, installed, made_at, replaced, sources, updated
from tests.render.trees import contents
from tools.archive_templates import SAMPLES, archive, sample_answers, sample_digests

NOW = Version(__version__)


def archives(directory: Path) -> Path:
    """The archive of every released version, and of one more, so that there is one."""
    root = shutil.copytree(Path(sources("1.0").templates).parent, directory / "root", symlinks=True)
    replaced("_shared/cookiecutter.json", '"_version": "1.0"', '"_version": "0.0.1"')(root / "templates")
    releases = directory / "releases"
    releases.mkdir()
    archive(root, "0.0.1", releases, {})
    for version in released_versions(releases_directory()):
        shutil.copy(releases_directory() / f"{version}.tar.xz", releases)
    return releases


def test_projects_of_every_released_version_can_be_updated(tmp_path: Path) -> None:
    now = Sources(releases=archives(tmp_path))
    for version in released_versions(now.releases):
        for framework in frameworks_in(now.releases / f"{version}.tar.xz"):
            place = tmp_path / version / framework
            (place / "made").mkdir(parents=True)
            old = unpack(version, framework, now.releases, place)
            project = render_recorded(sample_answers(old, framework), old, place / "made")
            git(project, "init", "--quiet")
            commit(project)
            check_lives_on(project, now, place / "fresh")


def frameworks_in(archive: Path) -> list[str]:
    with tarfile.open(archive) as tar:
        return [Path(name).parts[1] for name in tar.getnames() if name.endswith("/framework.toml")]


def check_lives_on(project: Path, now: Sources, place: Path) -> None:
    """An edited project of an earlier version becomes one of today's, with the edits."""
    record = json.loads((project / ".ebpf-new.json").read_text())
    (project / "LICENSE").write_text("Ask Ada.\n" + (project / "LICENSE").read_text())
    (project / "own").write_text("mine\n")
    commit(project)
    done = update(UpdateRequest(project), now)
    assert done.exit_code == 0 and done.before == record["template"]["version"]
    place.mkdir(exist_ok=True)
    wanted = contents(render_recorded(record["answers"], now.templates / record["answers"]["framework"], place))
    license, executable = wanted["LICENSE"]
    assert contents(project) == wanted | {"LICENSE": (b"Ask Ada.\n" + license, executable), "own": (b"mine\n", False)}


def test_released_templates_are_rendered_as_they_were(tmp_path: Path) -> None:
    samples = sample_digests(templates_directory())
    found = [*releases_directory().glob("*.tar.xz"), archive(templates_directory().parent, "0.0.1", tmp_path, samples)]
    for number, path in enumerate(found):
        shutil.unpack_archive(path, tmp_path / str(number))
        templates = tmp_path / str(number) / "templates"
        recorded = json.loads((tmp_path / str(number) / SAMPLES).read_text())
        assert sample_digests(templates) == recorded
    assert list(samples) == sorted(load_catalog())
    makefile = templates / "_shared/Makefile.j2"
    makefile.write_text(makefile.read_text() + "# one more line\n")
    assert not set(sample_digests(templates).values()) & set(samples.values())


def test_what_is_released_is_archived_and_does_not_change_any_more(tmp_path: Path) -> None:
    there = releases_directory() / f"{__version__}.tar.xz"
    if NOW.is_devrelease:
        assert not there.exists()
    else:
        again = archive(templates_directory().parent, __version__, tmp_path, sample_digests(templates_directory()))
        for path in (again, there):
            shutil.unpack_archive(path, tmp_path / str(path is again))
        assert contents(tmp_path / "True") == contents(tmp_path / "False")


def test_a_version_that_is_not_released_is_not_archived() -> None:
    command = [sys.executable, "-m", "tools.archive_templates"]
    done = subprocess.run(command, cwd=templates_directory().parent, text=True, capture_output=True, check=False)
    assert done.returncode == 1
    assert ("is a development version" if NOW.is_devrelease else "already exists") in done.stderr


def test_a_damaged_archive(tmp_path: Path) -> None:
    project = made_at("1.0", tmp_path / "hello")
    (tmp_path / "1.0.tar.xz").write_bytes((sources("1.0").releases / "1.0.tar.xz").read_bytes()[:9999])
    with pytest.raises(TemplateError, match=r"1\.0\.tar\.xz is damaged; install ebpf-new again"):
        update(UpdateRequest(project), Sources(sources("2.0").templates, tmp_path))


def test_answers_that_the_templates_need_and_were_not_recorded(tmp_path: Path) -> None:
    project = made_at("1.0", tmp_path / "hello")
    record = project / ".ebpf-new.json"
    record.write_text("".join(line for line in record.read_text().splitlines(True) if '"email"' not in line))
    commit(project)
    with pytest.raises(UsageError, match=r"missing .*: email"):
        updated(project, "2.0")


@pytest.fixture
def unreleased(tmp_path: Path) -> Sources:
    """The templates of 2.0, where 1.0 was never released."""
    (tmp_path / "none").mkdir()
    return Sources(sources("2.0").templates, tmp_path / "none")


def test_without_a_release_the_projects_own_history_knows(tmp_path: Path, unreleased: Sources) -> None:
    project = made_at("1.0", tmp_path / "hello")
    (project / "README.md").write_text((project / "README.md").read_text() + "Mine.\n")
    commit(project)
    git(tmp_path, "clone", "--quiet", str(project), "clone")
    for place in (project, tmp_path / "clone"):
        assert update(UpdateRequest(place), unreleased).exit_code == 0
        assert (place / "README.md").read_text().endswith("Mine.\n")
        assert (place / "NEWS.md").exists()


def test_what_was_generated_just_so_is_known_without_a_history(tmp_path: Path, unreleased: Sources) -> None:
    project = made_at("2.0", tmp_path / "hello", with_git=False)
    git(project, "init", "--quiet")
    commit(project)
    (project / "README.md").write_text("Mine.\n")
    commit(project)
    assert update(UpdateRequest(project), unreleased).files == ()


def test_an_edit_that_was_put_into_the_first_commit_is_not_taken_for_generated(
    tmp_path: Path, unreleased: Sources
) -> None:
    project = made_at("1.0", tmp_path / "hello")
    first = git(project, "rev-parse", "HEAD")
    (project / "LICENSE").write_text("mine\n")
    git(project, "commit", "--quiet", "--all", "--amend", "--no-edit", "--reset-author")
    with pytest.raises(UnavailableError) as caught:
        update(UpdateRequest(project), unreleased)
    amended = git(project, "rev-parse", "HEAD")[:10]
    assert str(caught.value).endswith(f"type: ebpf-new update --base {amended}")
    assert update(UpdateRequest(project, base=first), unreleased).exit_code == 0
    assert (project / "LICENSE").read_text() == "mine\n"
    with pytest.raises(UsageError, match=r"--base nothing: there is no such commit here with \.ebpf-new\.json in it"):
        update(UpdateRequest(project, base="nothing", mode=Mode.CHECK), unreleased)
    with pytest.raises(UsageError, match=r"--base --all: there is no such commit"):
        update(UpdateRequest(project, base="--all", mode=Mode.CHECK), unreleased)


def test_a_shallow_clone_of_such_a_project_is_told_how_to_become_whole(tmp_path: Path, unreleased: Sources) -> None:
    project = made_at("1.0", tmp_path / "hello")
    (project / "LICENSE").write_text("mine\n")
    commit(project)
    git(tmp_path, "clone", "--quiet", "--depth=1", project.as_uri(), "clone")
    with pytest.raises(UnavailableError, match=r"type: git fetch --unshallow$"):
        update(UpdateRequest(tmp_path / "clone"), unreleased)
    git(tmp_path / "clone", "fetch", "--quiet", "--unshallow")
    assert update(UpdateRequest(tmp_path / "clone"), unreleased).exit_code == 0


def test_the_base_in_a_directory_of_a_larger_repository(tmp_path: Path, unreleased: Sources) -> None:
    project = made_at("1.0", tmp_path / "course/hello", with_git=False)
    git(tmp_path / "course", "init", "--quiet")
    commit(tmp_path / "course")
    (project / "LICENSE").write_text("mine\n")
    commit(tmp_path / "course")
    with pytest.raises(UnavailableError, match=r"ebpf-new update --base [0-9a-f]{10}$"):
        update(UpdateRequest(project), unreleased)
    assert update(UpdateRequest(project, base="HEAD~"), unreleased).exit_code == 0
    assert (project / "LICENSE").read_text() == "mine\n" and (project / "NEWS.md").exists()


def test_a_shallow_clone_offline_without_an_identity(tmp_path: Path, git_config: Path) -> None:
    project = made_at("1.0", tmp_path / "hello")
    git(tmp_path, "clone", "--quiet", "--depth=1", project.as_uri(), "clone")
    git_config.write_text("[user]\n useConfigOnly = true\n")
    environment = os.environ | {"PYTHONPATH": str(installed("2.0", tmp_path / "installed"))}
    offline = ["unshare", "--net", *(["--map-root-user"] if os.getuid() else [])]
    command = [*offline, sys.executable, "-m", "scaffold", "update", "--json"]
    done = subprocess.run(
        command, cwd=tmp_path / "clone", env=environment, stdin=subprocess.DEVNULL,
        text=True, capture_output=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["to"] == "2.0"
    assert (tmp_path / "clone/NEWS.md").exists()
