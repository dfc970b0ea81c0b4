# SPDX-License-Identifier: BSD-2-Clause
"""The base of an update: the project as it was generated, by any released version, in any clone."""

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
from scaffold.update.archive import released_versions, releases_directory, unpack_template
from scaffold.update.update import Mode, TemplateSources, UpdateRequest, update
from tests.conftest import git
from tests.render.histories import commit_all, create_at, install_version, replace_text, template_sources, update_to
from tests.render.trees import contents
from tools.archive_templates import SAMPLES, archive, sample_answers, sample_digests

VERSION = Version(__version__)


def archive_all(directory: Path) -> Path:
    """Return the archives of every released version and of a version 0.0.1, so that there is at least one."""
    root = shutil.copytree(Path(template_sources("1.0").templates).parent, directory / "root", symlinks=True)
    replace_text("_shared/cookiecutter.json", '"_version": "1.0"', '"_version": "0.0.1"')(root / "templates")
    releases = directory / "releases"
    releases.mkdir()
    archive(root, "0.0.1", releases, {})
    for version in released_versions(releases_directory()):
        shutil.copy(releases_directory() / f"{version}.tar.xz", releases)
    return releases


def test_projects_of_every_released_version_can_be_updated(tmp_path: Path) -> None:
    sources = TemplateSources(releases=archive_all(tmp_path))
    for version in released_versions(sources.releases):
        for framework in frameworks_in(sources.releases / f"{version}.tar.xz"):
            directory = tmp_path / version / framework
            (directory / "old").mkdir(parents=True)
            template = unpack_template(version, framework, sources.releases, directory)
            project = render_recorded(sample_answers(template, framework), template, directory / "old")
            git(project, "init", "--quiet")
            commit_all(project)
            check_update(project, sources, directory / "new")


def frameworks_in(archive: Path) -> list[str]:
    with tarfile.open(archive) as tar:
        return [Path(name).parts[1] for name in tar.getnames() if name.endswith("/framework.toml")]


def check_update(project: Path, sources: TemplateSources, directory: Path) -> None:
    """Edit and update the project; the result must be a new project, generated in `directory`, with the edits."""
    record = json.loads((project / ".ebpf-new.json").read_text())
    (project / "LICENSE").write_text("Ask Ada.\n" + (project / "LICENSE").read_text())
    (project / "own").write_text("mine\n")
    commit_all(project)
    result = update(UpdateRequest(project), sources)
    assert result.exit_code == 0 and result.from_version == record["template"]["version"]
    directory.mkdir()
    template = sources.templates / record["answers"]["framework"]
    expected = contents(render_recorded(record["answers"], template, directory))
    license, executable = expected["LICENSE"]
    assert contents(project) == expected | {"LICENSE": (b"Ask Ada.\n" + license, executable), "own": (b"mine\n", False)}


def test_released_templates_render_the_recorded_samples(tmp_path: Path) -> None:
    samples = sample_digests(templates_directory())
    current = archive(templates_directory().parent, "0.0.1", tmp_path, samples)
    for number, path in enumerate([*releases_directory().glob("*.tar.xz"), current]):
        shutil.unpack_archive(path, tmp_path / str(number))
        templates = tmp_path / str(number) / "templates"
        recorded = json.loads((tmp_path / str(number) / SAMPLES).read_text())
        assert sample_digests(templates) == recorded
    assert list(samples) == sorted(load_catalog())
    makefile = templates / "_shared/Makefile.j2"
    makefile.write_text(makefile.read_text() + "# one more line\n")
    assert not set(sample_digests(templates).values()) & set(samples.values())


def test_the_archive_of_a_released_version_does_not_change(tmp_path: Path) -> None:
    released = releases_directory() / f"{__version__}.tar.xz"
    if VERSION.is_devrelease:
        assert not released.exists()
    else:
        rebuilt = archive(templates_directory().parent, __version__, tmp_path, sample_digests(templates_directory()))
        shutil.unpack_archive(released, tmp_path / "released")
        shutil.unpack_archive(rebuilt, tmp_path / "rebuilt")
        assert contents(tmp_path / "rebuilt") == contents(tmp_path / "released")


def test_only_a_new_released_version_can_be_archived() -> None:
    command = [sys.executable, "-m", "tools.archive_templates"]
    done = subprocess.run(command, cwd=templates_directory().parent, text=True, capture_output=True, check=False)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert ("scaffold/__init__.py" if VERSION.is_devrelease else f"{__version__}.tar.xz") in line


def test_a_damaged_archive(tmp_path: Path) -> None:
    project = create_at("1.0", tmp_path / "hello")
    (tmp_path / "1.0.tar.xz").write_bytes((template_sources("1.0").releases / "1.0.tar.xz").read_bytes()[:9999])
    with pytest.raises(TemplateError, match=r"1\.0\.tar\.xz is damaged: .*; install ebpf-new again$"):
        update(UpdateRequest(project), TemplateSources(template_sources("2.0").templates, tmp_path))


def test_a_record_without_an_answer_that_its_templates_need(tmp_path: Path) -> None:
    project = create_at("1.0", tmp_path / "hello")
    record = project / ".ebpf-new.json"
    record.write_text("".join(line for line in record.read_text().splitlines(True) if '"email"' not in line))
    commit_all(project)
    with pytest.raises(UsageError, match="email"):
        update_to(project, "2.0")


@pytest.fixture
def unreleased(tmp_path: Path) -> TemplateSources:
    """Return the templates of 2.0, and an archive without any version."""
    (tmp_path / "none").mkdir()
    return TemplateSources(template_sources("2.0").templates, tmp_path / "none")


def test_the_first_commit_is_the_base_of_an_unreleased_version(tmp_path: Path, unreleased: TemplateSources) -> None:
    project = create_at("1.0", tmp_path / "hello")
    (project / "README.md").write_text((project / "README.md").read_text() + "Mine.\n")
    commit_all(project)
    git(tmp_path, "clone", "--quiet", str(project), "clone")
    for directory in (project, tmp_path / "clone"):
        assert update(UpdateRequest(directory), unreleased).exit_code == 0
        assert (directory / "README.md").read_text().endswith("Mine.\n")
        assert (directory / "NEWS.md").exists()


def test_a_commit_that_equals_the_new_templates_is_the_base(tmp_path: Path, unreleased: TemplateSources) -> None:
    project = create_at("2.0", tmp_path / "hello", with_git=False)
    git(project, "init", "--quiet")
    commit_all(project)
    (project / "README.md").write_text("Mine.\n")
    commit_all(project)
    assert update(UpdateRequest(project), unreleased).files == ()


def test_an_amended_first_commit_is_not_the_base(tmp_path: Path, unreleased: TemplateSources) -> None:
    project = create_at("1.0", tmp_path / "hello")
    first = git(project, "rev-parse", "HEAD")
    (project / "LICENSE").write_text("mine\n")
    git(project, "commit", "--quiet", "--all", "--amend", "--no-edit", "--reset-author")
    with pytest.raises(UnavailableError) as caught:
        update(UpdateRequest(project), unreleased)
    amended = git(project, "rev-parse", "HEAD")[:10]
    assert caught.value.hint.endswith(f"run: ebpf-new update --base {amended}")
    assert update(UpdateRequest(project, base=first), unreleased).exit_code == 0
    assert (project / "LICENSE").read_text() == "mine\n"
    with pytest.raises(UsageError, match=r"^--base nothing: .*commit.*\.ebpf-new\.json"):
        update(UpdateRequest(project, base="nothing", mode=Mode.CHECK), unreleased)
    with pytest.raises(UsageError, match=r"^--base --all: .*commit"):
        update(UpdateRequest(project, base="--all", mode=Mode.CHECK), unreleased)


def test_a_shallow_clone_of_an_unreleased_version(tmp_path: Path, unreleased: TemplateSources) -> None:
    project = create_at("1.0", tmp_path / "hello")
    (project / "LICENSE").write_text("mine\n")
    commit_all(project)
    git(tmp_path, "clone", "--quiet", "--depth=1", project.as_uri(), "clone")
    with pytest.raises(UnavailableError, match=r"run: git fetch --unshallow$"):
        update(UpdateRequest(tmp_path / "clone"), unreleased)
    git(tmp_path / "clone", "fetch", "--quiet", "--unshallow")
    assert update(UpdateRequest(tmp_path / "clone"), unreleased).exit_code == 0


def test_the_base_in_a_directory_of_a_larger_repository(tmp_path: Path, unreleased: TemplateSources) -> None:
    project = create_at("1.0", tmp_path / "course/hello", with_git=False)
    git(tmp_path / "course", "init", "--quiet")
    commit_all(tmp_path / "course")
    (project / "LICENSE").write_text("mine\n")
    commit_all(tmp_path / "course")
    with pytest.raises(UnavailableError, match=r"ebpf-new update --base [0-9a-f]{10}$"):
        update(UpdateRequest(project), unreleased)
    assert update(UpdateRequest(project, base="HEAD~"), unreleased).exit_code == 0
    assert (project / "LICENSE").read_text() == "mine\n" and (project / "NEWS.md").exists()


def test_a_shallow_clone_without_network_and_identity(tmp_path: Path, git_config: Path) -> None:
    project = create_at("1.0", tmp_path / "hello")
    git(tmp_path, "clone", "--quiet", "--depth=1", project.as_uri(), "clone")
    git_config.write_text("[user]\n useConfigOnly = true\n")
    environment = os.environ | {"PYTHONPATH": str(install_version("2.0", tmp_path / "installed"))}
    offline = ["unshare", "--net", *(["--map-root-user"] if os.getuid() else [])]
    command = [*offline, sys.executable, "-m", "scaffold", "update", "--json"]
    done = subprocess.run(
        command, cwd=tmp_path / "clone", env=environment, stdin=subprocess.DEVNULL,
        text=True, capture_output=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["to"] == "2.0"
    assert (tmp_path / "clone/NEWS.md").exists()
