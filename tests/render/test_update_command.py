# SPDX-License-Identifier: BSD-2-Clause
"""`ebpf-new update` as a command: arguments, output, JSON, exit status and questions on a terminal."""

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
from scaffold.project.catalog import load_catalog, templates_directory
from scaffold.update.update import TemplateSources, UpdateRequest, unanswered_questions, update
from tests.conftest import CompletedProcess, git
from tests.render.histories import commit_all, create_at, install_version, template_sources
from tests.render.terminal import run_in_terminal
from tests.render.trees import contents
from tools.archive_templates import archive, sample_answers


@pytest.fixture(scope="module")
def at_1_1(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install ebpf-new with the templates of 1.1."""
    return install_version("1.1", tmp_path_factory.mktemp("installed"))


@dataclass(frozen=True)
class UpdateCommand:
    """`ebpf-new update` of an installation, run in `cwd` without a terminal."""

    installation: Path
    cwd: Path

    def __call__(self, *arguments: str, cwd: Path | None = None) -> CompletedProcess:
        command = [sys.executable, "-m", "scaffold", "update", *arguments]
        environment = os.environ | {"PYTHONPATH": str(self.installation)}
        return subprocess.run(
            command, cwd=cwd or self.cwd, env=environment, stdin=subprocess.DEVNULL,
            text=True, capture_output=True, check=False,
        )  # fmt: skip


def git_state(repository: Path) -> dict[str, bytes]:
    """Return every file of git itself."""
    return {str(path): path.read_bytes() for path in (repository / ".git").rglob("*") if path.is_file()}


def git_commands(text: str) -> list[str]:
    return [line.partition("   #")[0].strip() for line in text.splitlines() if re.match(r"  git ", line)]


def test_check_dry_run_update_undo_and_commit(tmp_path: Path, at_1_1: Path) -> None:
    project = create_at("1.0", tmp_path / "hello")
    (project / "docs/guide.md").write_text((project / "docs/guide.md").read_text().replace("Line 7", "My line 7"))
    git(project, "rm", "--quiet", "docs/last.md")
    commit_all(project)
    before, state = contents(project), git_state(project)
    ebpf_new_update = UpdateCommand(at_1_1, tmp_path)

    check = ebpf_new_update("hello", "--check")
    assert (check.returncode, check.stderr) == (1, "")
    assert check.stdout.startswith("hello, 1.0 to 1.1: 7 files ")
    assert check.stdout.endswith("run: ebpf-new update hello\n")
    assert re.search(r"^  conflict       docs/guide\.md \(.+\)$", check.stdout, re.MULTILINE)
    assert re.search(r"^  stays deleted  docs/last\.md \(.+\)$", check.stdout, re.MULTILINE)
    dry = ebpf_new_update("hello", "--dry-run")
    assert (dry.returncode, dry.stderr) == (0, "")
    assert dry.stdout.splitlines()[1:-1] == check.stdout.splitlines()[1:-1]
    assert "--dry-run" in dry.stdout.splitlines()[-1]
    assert (contents(project), git_state(project)) == (before, state)

    done = ebpf_new_update(cwd=project)
    assert (done.returncode, done.stderr) == (1, "")
    assert f"\n```\n{done.stdout}```\n" in (templates_directory().parent / "docs/update.md").read_text()
    assert re.search(r"\bconflicts in 1 file\b.*\bgit add\b.*\bgit mergetool\b", done.stdout)
    review, commit, undo = git_commands(done.stdout)
    after = contents(project)
    subprocess.run(undo, shell=True, cwd=project, check=True, capture_output=True)
    assert contents(project) == before and git(project, "status", "--porcelain") == ""
    assert ebpf_new_update("hello").returncode == 1
    assert contents(project) == after
    assert subprocess.run(commit, shell=True, cwd=project, check=False, capture_output=True).returncode != 0
    git(project, "add", "docs/guide.md")
    subprocess.run(f"{review} && {commit}", shell=True, cwd=project, check=True, capture_output=True)
    assert git(project, "log", "-1", "--format=%s") == "Update to ebpf-new 1.1"

    check = ebpf_new_update("hello", "--check")
    assert (check.returncode, check.stderr) == (0, "")
    assert re.fullmatch(r"hello is up to date .*\b1\.1\.\n", check.stdout)
    again = ebpf_new_update("hello", "--json")
    assert again.returncode == 0 and json.loads(again.stdout)["up_to_date"] is True


def test_the_printed_commands_in_a_directory_of_a_larger_repository(tmp_path: Path, at_1_1: Path) -> None:
    project = create_at("1.0", tmp_path / "week 1/hello", with_git=False)
    (project / "NEWS.md").write_text("mine\n")
    git(tmp_path, "init", "--quiet")
    (tmp_path / "notes").touch()
    commit_all(tmp_path)
    (tmp_path / "notes").write_text("unfinished\n")
    before = contents(tmp_path)
    ebpf_new_update = UpdateCommand(at_1_1, tmp_path)
    done = ebpf_new_update("week 1/hello")
    review, commit, undo = git_commands(done.stdout)
    after = contents(tmp_path)
    subprocess.run(undo, shell=True, cwd=tmp_path, check=True, capture_output=True)
    assert contents(tmp_path) == before and git(tmp_path, "status", "--porcelain") == "M notes"
    assert ebpf_new_update("week 1/hello").returncode == 1
    assert contents(tmp_path) == after
    subprocess.run("git add 'week 1/hello/NEWS.md'", shell=True, cwd=tmp_path, check=True)
    subprocess.run(f"{review} && {commit}", shell=True, cwd=tmp_path, check=True, capture_output=True)
    assert git(tmp_path, "status", "--porcelain") == "M notes"
    assert ebpf_new_update("week 1/hello", "--check").returncode == 0


def test_the_json_object(tmp_path: Path, at_1_1: Path) -> None:
    project = create_at("1.0", tmp_path / "hello")
    (project / "NEWS.md").write_text("mine\n")
    git(project, "rm", "--quiet", "docs/last.md")
    commit_all(project)
    done = UpdateCommand(at_1_1, tmp_path)("hello", "--check", "--json")
    assert (done.returncode, done.stderr) == (1, "")
    report = json.loads(done.stdout)
    assert (report["path"], report["name"], report["from"], report["to"]) == (str(project), "hello", "1.0", "1.1")
    assert (report["up_to_date"], report["written"], report["conflicts"]) == (False, False, ["NEWS.md"])
    assert {"path": "Makefile", "what": "changed", "why": ""} in report["files"]
    assert [file["path"] for file in report["left"]] == ["docs/last.md"]


def test_an_error_is_one_message_and_exit_status_2(tmp_path: Path, at_1_1: Path) -> None:
    project = create_at("1.0", tmp_path / "hello")
    (project / "LICENSE").write_text("mine\n")
    ebpf_new_update = UpdateCommand(at_1_1, tmp_path)
    for arguments, facts in (
        (["hello"], ["LICENSE", "git stash"]),
        (["."], ["has no .ebpf-new.json"]),
        (["hello", "--answer", "license"], ["--answer", "'license'", "KEY=VALUE"]),
        (["hello", "--check", "--answer", "license=None"], ["--answer license", "'None'", "MIT"]),
    ):
        done = ebpf_new_update(*arguments)
        assert (done.returncode, done.stdout) == (2, "")
        assert all(fact in done.stderr for fact in facts) and "Traceback" not in done.stderr
    assert ebpf_new_update("hello", "--check").returncode == 1


@pytest.fixture(scope="module")
def without_owner(tmp_path_factory: pytest.TempPathFactory) -> TemplateSources:
    """Return the templates of 2.0, and an archive of 1.0 whose templates do not ask for an owner."""
    root = tmp_path_factory.mktemp("without-owner")
    old = shutil.copytree(Path(template_sources("1.0").templates).parent, root / "old", symlinks=True) / "templates"
    for path in (path for path in old.rglob("*") if path.is_file() and "cookiecutter.owner" in path.read_text()):
        lines = path.read_text().splitlines(keepends=True)
        text = "".join(line for line in lines if not re.search('"owner": (""|\\[=)', line))
        path.write_text(text.replace("cookiecutter.owner", "''"))
    (root / "releases").mkdir()
    archive(old.parent, "1.0", root / "releases", {})
    return TemplateSources(template_sources("2.0").templates, root / "releases")


def create_without_owner(directory: Path, sources: TemplateSources) -> Path:
    """Create a project whose record has no owner."""
    shutil.unpack_archive(sources.releases / "1.0.tar.xz", directory / "old")
    template = directory / "old/templates/libbpf"
    project = render_recorded(sample_answers(template, "libbpf"), template, directory)
    assert "owner" not in json.loads((project / ".ebpf-new.json").read_text())["answers"]
    git(project, "init", "--quiet")
    commit_all(project)
    return project


def test_a_new_question_takes_its_default_and_is_reported(tmp_path: Path, without_owner: TemplateSources) -> None:
    project = create_without_owner(tmp_path, without_owner)
    (question,) = unanswered_questions(UpdateRequest(project), without_owner)
    assert (question.key, question.default, question.choices) == ("owner", "", ())
    done = update(UpdateRequest(project), without_owner)
    assert (done.defaults, done.exit_code) == ({"owner": ""}, 0)
    assert json.loads((project / ".ebpf-new.json").read_text())["answers"]["owner"] == ""
    git(project, "reset", "--quiet", "--hard")
    assert unanswered_questions(UpdateRequest(project, {"owner": "ada"}), without_owner) == []
    done = update(UpdateRequest(project, {"owner": "ada"}), without_owner)
    assert (done.defaults, done.exit_code) == ({}, 0)
    assert "github.com/ada/" in (project / "README.md").read_text()
    assert json.loads((project / ".ebpf-new.json").read_text())["answers"]["owner"] == "ada"


def test_a_new_question_is_asked_on_a_terminal(tmp_path: Path, without_owner: TemplateSources) -> None:
    project = create_without_owner(tmp_path, without_owner)
    installation = install_version("2.0", tmp_path / "installed")
    shutil.copy(without_owner.releases / "1.0.tar.xz", installation / "scaffold/update/releases")
    prompt = load_catalog(without_owner.templates)["libbpf"].prompts["owner"]
    variables = {"PYTHONPATH": str(installation)}
    status, output = run_in_terminal(project, "update", typed=[(prompt, "ada\n")], variables=variables)
    assert status == 0, output
    assert json.loads((project / ".ebpf-new.json").read_text())["answers"]["owner"] == "ada"
