# SPDX-License-Identifier: BSD-2-Clause
"""What a user of `ebpf-new update` types, reads and gets as exit code."""

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from scaffold.generate.render import render_recorded
from scaffold.project.catalog import templates_directory
from scaffold.update.update import Sources, UpdateRequest, unanswered_questions, update
from tests.conftest import Run, git
from tests.render.histories import commit, installed, made_at, sources
from tests.render.terminal import run_in_terminal
from tests.render.trees import contents
from tools.archive_templates import archive, sample_answers


@pytest.fixture(scope="module")
def at_1_1(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An installation whose templates are those of 1.1."""
    return installed("1.1", tmp_path_factory.mktemp("installed"))


@dataclass(frozen=True)
class Typed:
    """The command of an installation, run in `cwd` without a terminal."""

    installation: Path
    cwd: Path

    def __call__(self, *words: str, cwd: Path | None = None) -> Run:
        command = [sys.executable, "-m", "scaffold", "update", *words]
        environment = os.environ | {"PYTHONPATH": str(self.installation)}
        return subprocess.run(
            command, cwd=cwd or self.cwd, env=environment, stdin=subprocess.DEVNULL,
            text=True, capture_output=True, check=False,
        )  # fmt: skip


def git_state(repository: Path) -> dict[str, bytes]:
    """Every file of git's own."""
    return {str(path): path.read_bytes() for path in (repository / ".git").rglob("*") if path.is_file()}


def commands_in(text: str) -> list[str]:
    return [line.partition("   #")[0].strip() for line in text.splitlines() if re.match(r"  git ", line)]


def test_a_session(tmp_path: Path, at_1_1: Path) -> None:
    project = made_at("1.0", tmp_path / "hello")
    (project / "docs/guide.md").write_text((project / "docs/guide.md").read_text().replace("Line 7", "My line 7"))
    git(project, "rm", "--quiet", "docs/last.md")
    commit(project)
    before, state = contents(project), git_state(project)
    typed = Typed(at_1_1, tmp_path)

    check = typed("hello", "--check")
    assert (check.returncode, check.stderr) == (1, "")
    assert check.stdout.startswith("hello, 1.0 to 1.1: 7 files out of date\n")
    assert check.stdout.endswith(": ebpf-new update hello\n")
    assert "  conflict       docs/guide.md (you and the templates changed the same lines)\n" in check.stdout
    assert "  stays deleted  docs/last.md (you deleted it, and it has changed in the templates)\n" in check.stdout
    dry = typed("hello", "--dry-run")
    assert (dry.returncode, dry.stderr) == (0, "")
    assert dry.stdout.splitlines()[1:-1] == check.stdout.splitlines()[1:-1]
    assert "Nothing was written." in dry.stdout
    assert (contents(project), git_state(project)) == (before, state)

    done = typed(cwd=project)
    assert (done.returncode, done.stderr) == (1, "")
    assert f"\n```\n{done.stdout}```\n" in (templates_directory().parent / "docs/update.md").read_text()
    assert "conflicts in 1 file" in done.stdout and "git mergetool" in done.stdout
    look, take, undo = commands_in(done.stdout)
    there = contents(project)
    subprocess.run(undo, shell=True, cwd=project, check=True, capture_output=True)
    assert contents(project) == before and git(project, "status", "--porcelain") == ""
    assert typed("hello").returncode == 1
    assert contents(project) == there
    assert subprocess.run(take, shell=True, cwd=project, check=False, capture_output=True).returncode != 0
    git(project, "add", "docs/guide.md")
    subprocess.run(f"{look} && {take}", shell=True, cwd=project, check=True, capture_output=True)
    assert git(project, "log", "-1", "--format=%s") == "Update to ebpf-new 1.1"

    check = typed("hello", "--check")
    assert (check.returncode, check.stderr) == (0, "")
    assert re.fullmatch(r"hello is up to date.*\b1\.1\.\n", check.stdout)
    again = typed("hello", "--json")
    assert again.returncode == 0 and json.loads(again.stdout)["up_to_date"] is True


def test_the_advice_in_a_directory_of_a_larger_repository(tmp_path: Path, at_1_1: Path) -> None:
    project = made_at("1.0", tmp_path / "week 1/hello", with_git=False)
    (project / "NEWS.md").write_text("mine\n")
    git(tmp_path, "init", "--quiet")
    (tmp_path / "notes").touch()
    commit(tmp_path)
    (tmp_path / "notes").write_text("being written\n")
    before = contents(tmp_path)
    typed = Typed(at_1_1, tmp_path)
    done = typed("week 1/hello")
    look, take, undo = commands_in(done.stdout)
    there = contents(tmp_path)
    subprocess.run(undo, shell=True, cwd=tmp_path, check=True, capture_output=True)
    assert contents(tmp_path) == before and git(tmp_path, "status", "--porcelain") == "M notes"
    assert typed("week 1/hello").returncode == 1
    assert contents(tmp_path) == there
    subprocess.run("git add 'week 1/hello/NEWS.md'", shell=True, cwd=tmp_path, check=True)
    subprocess.run(f"{look} && {take}", shell=True, cwd=tmp_path, check=True, capture_output=True)
    assert git(tmp_path, "status", "--porcelain") == "M notes"
    assert typed("week 1/hello", "--check").returncode == 0


def test_json(tmp_path: Path, at_1_1: Path) -> None:
    project = made_at("1.0", tmp_path / "hello")
    (project / "NEWS.md").write_text("mine\n")
    git(project, "rm", "--quiet", "docs/last.md")
    commit(project)
    done = Typed(at_1_1, tmp_path)("hello", "--check", "--json")
    assert (done.returncode, done.stderr) == (1, "")
    found = json.loads(done.stdout)
    assert (found["path"], found["name"], found["from"], found["to"]) == (str(project), "hello", "1.0", "1.1")
    assert (found["up_to_date"], found["written"], found["conflicts"]) == (False, False, ["NEWS.md"])
    assert {"path": "Makefile", "what": "changed", "why": ""} in found["files"]
    assert [each["path"] for each in found["left"]] == ["docs/last.md"]


def test_what_is_refused_is_a_line_and_exit_code_2(tmp_path: Path, at_1_1: Path) -> None:
    project = made_at("1.0", tmp_path / "hello")
    (project / "LICENSE").write_text("mine\n")
    typed = Typed(at_1_1, tmp_path)
    for words, because in (
        (["hello"], "changes would be mixed with the update (LICENSE); commit them first, or type: git stash"),
        (["."], "has no .ebpf-new.json"),
        (["hello", "--answer", "license"], "'license' is not KEY=VALUE, as in license=MIT"),
        (["hello", "--check", "--answer", "license=None"], "'None' is unknown"),
    ):
        done = typed(*words)
        assert (done.returncode, done.stdout) == (2, "")
        assert because in done.stderr and "Traceback" not in done.stderr
    assert typed("hello", "--check").returncode == 1


@pytest.fixture(scope="module")
def without_owner(tmp_path_factory: pytest.TempPathFactory) -> Sources:
    """Today's templates as 2.0, and in the archive 1.0, whose templates did not ask for an owner."""
    place = tmp_path_factory.mktemp("without-owner")
    old = shutil.copytree(Path(sources("1.0").templates).parent, place / "old", symlinks=True) / "templates"
    for path in (path for path in old.rglob("*") if path.is_file() and "cookiecutter.owner" in path.read_text()):
        lines = path.read_text().splitlines(keepends=True)
        kept = "".join(line for line in lines if not re.search('"owner": (""|\\[=)', line))
        path.write_text(kept.replace("cookiecutter.owner", "''"))
    (place / "releases").mkdir()
    archive(old.parent, "1.0", place / "releases", {})
    return Sources(sources("2.0").templates, place / "releases")


def made_without_owner(directory: Path, given: Sources) -> Path:
    """A project that was made when there was no such answer."""
    shutil.unpack_archive(given.releases / "1.0.tar.xz", directory / "old")
    template = directory / "old/templates/libbpf"
    project = render_recorded(sample_answers(template, "libbpf"), template, directory)
    assert "owner" not in json.loads((project / ".ebpf-new.json").read_text())["answers"]
    git(project, "init", "--quiet")
    commit(project)
    return project


def test_a_new_answer_takes_its_default_and_is_named(tmp_path: Path, without_owner: Sources) -> None:
    project = made_without_owner(tmp_path, without_owner)
    (question,) = unanswered_questions(UpdateRequest(project), without_owner)
    assert (question.key, question.default, question.choices) == ("owner", "", ())
    done = update(UpdateRequest(project), without_owner)
    assert (done.taken, done.exit_code) == ({"owner": ""}, 0)
    assert json.loads((project / ".ebpf-new.json").read_text())["answers"]["owner"] == ""
    git(project, "reset", "--quiet", "--hard")
    assert unanswered_questions(UpdateRequest(project, {"owner": "ada"}), without_owner) == []
    done = update(UpdateRequest(project, {"owner": "ada"}), without_owner)
    assert (done.taken, done.exit_code) == ({}, 0)
    assert "github.com/ada/" in (project / "README.md").read_text()
    assert json.loads((project / ".ebpf-new.json").read_text())["answers"]["owner"] == "ada"


def test_a_new_answer_is_asked_on_a_terminal(tmp_path: Path, without_owner: Sources) -> None:
    project = made_without_owner(tmp_path, without_owner)
    place = tmp_path / "installed"
    shutil.copytree(templates_directory().parent / "scaffold", place / "scaffold")
    shutil.copytree(without_owner.templates, place / "templates", symlinks=True)
    shutil.copy(without_owner.releases / "1.0.tar.xz", place / "scaffold/update/releases")
    typed = [("User or organisation on GitHub", "ada\n")]
    status, output = run_in_terminal(project, "update", typed=typed, variables={"PYTHONPATH": str(place)})
    assert status == 0, output
    assert json.loads((project / ".ebpf-new.json").read_text())["answers"]["owner"] == "ada"
