# SPDX-License-Identifier: BSD-2-Clause
"""`ebpf-new new`: its output, and what it rejects."""

import json
import re
from pathlib import Path

import pytest

from scaffold.project.catalog import frameworks, load_catalog
from tests.conftest import Command, git

FRAMEWORKS = [framework.name for framework in frameworks()]
FIRST = FRAMEWORKS[0]


def recorded_answers(project: Path) -> dict[str, str]:
    answers: dict[str, str] = json.loads((project / ".ebpf-new.json").read_text())["answers"]
    return answers


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_module_is_only_for_frameworks_that_have_one(ebpf_new: Command, tmp_path: Path, framework: str) -> None:
    done = ebpf_new("hello", "-f", framework, "--module", "example.org/a/hello", "--owner", "ada")
    if "module" in load_catalog()[framework].own_answers:
        answers = recorded_answers(tmp_path / "hello")
        assert (answers["module"], answers["owner"]) == ("example.org/a/hello", "ada")
    else:
        assert done.returncode == 2
        assert done.stderr.startswith("error: --module: ") and "Go module" in done.stderr
        assert list(tmp_path.iterdir()) == []


def test_next_commands(ebpf_new: Command, tmp_path: Path) -> None:
    done = ebpf_new("my labs/hello", "--framework", FIRST)
    commands = [line.partition("#")[0].strip() for line in done.stdout.splitlines()[2:]]
    assert commands == ["cd 'my labs/hello'", "make deps", "make", "make test"]
    done = ebpf_new(str(tmp_path / "-x/hello"), "--framework", FIRST)
    assert "  cd ./-x/hello\n" in done.stdout


def test_json_is_one_object(ebpf_new: Command, tmp_path: Path) -> None:
    created = json.loads(ebpf_new("labs/hello", "--framework", FIRST, "--json").stdout)
    assert created["path"] == str(tmp_path / "labs/hello")
    assert (created["name"], created["framework"]) == ("hello", FIRST)
    assert created["files"] == git(tmp_path / "labs/hello", "ls-files").splitlines()
    assert created["commit"] == git(tmp_path / "labs/hello", "rev-parse", "HEAD")
    assert created["branch"] == "main"


def test_without_git_there_is_no_commit(ebpf_new: Command, tmp_path: Path) -> None:
    created = json.loads(ebpf_new("hello", "--framework", FIRST, "--json", "--no-git").stdout)
    assert (created["commit"], created["branch"]) == (None, None)
    assert not (tmp_path / "hello/.git").exists()


def test_output_directory(ebpf_new: Command, tmp_path: Path) -> None:
    assert ebpf_new("week1/hello", "--framework", FIRST, "-o", "some/labs").returncode == 0
    assert (tmp_path / "some/labs/week1/hello/Makefile").is_file()


def test_dry_run_prints_the_files_and_writes_nothing(ebpf_new: Command, tmp_path: Path) -> None:
    tree = ebpf_new("hello", "--framework", FIRST, "--dry-run")
    planned = json.loads(ebpf_new("hello", "--framework", FIRST, "--dry-run", "--json").stdout)
    assert list(tmp_path.iterdir()) == []
    created = json.loads(ebpf_new("hello", "--framework", FIRST, "--json").stdout)
    assert planned["files"] == created["files"]
    names = [line.split()[-1] for line in tree.stdout.splitlines()[1:]]
    assert [name for name in names if not name.endswith("/")] == [Path(file).name for file in created["files"]]


def test_dry_run_reports_invalid_answers_too(ebpf_new: Command) -> None:
    assert ebpf_new("1", "--framework", FIRST, "--dry-run").returncode == 2


def test_all_invalid_answers_are_reported_together(ebpf_new: Command, tmp_path: Path) -> None:
    (tmp_path / "1 x").write_text("kept")
    invalid = ["--program", "p", "--license", "l", "--author", "a\nb", "--email", "\t@\t.", "--description", "\x1b[1m"]
    done = ebpf_new("1 x", *invalid)
    assert done.returncode == 2
    first, *lines = done.stderr.splitlines()
    assert first.startswith("error: 8 ")
    reported = [line.split(":")[0].strip() for line in lines]
    assert reported == ["NAME", "--framework", "--program", "--license", "--description", "--author", "--email", "NAME"]
    assert "\x1b" not in done.stderr
    assert [path.read_text() for path in tmp_path.iterdir()] == ["kept"]


@pytest.mark.parametrize("name", ["", "/", ".", "..", "labs/", "labs/..", "labs/.", "-", "{{x}}"])
def test_path_without_a_valid_name_is_rejected(ebpf_new: Command, tmp_path: Path, name: str) -> None:
    (tmp_path / "labs").mkdir()
    (tmp_path / "labs/file").touch()
    done = ebpf_new("--framework", FIRST, "--", name)
    assert done.returncode == 2
    assert re.match(r"error: (NAME: |2 answers .*\n  NAME: )", done.stderr)
    assert [path.name for path in tmp_path.rglob("*")] == ["labs", "file"]


def test_without_git_installed_the_hint_is_no_git(
    ebpf_new: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    done = ebpf_new("hello", "--framework", FIRST)
    assert done.returncode == 2
    assert "--git: git is not installed" in done.stderr and "--no-git" in done.stderr
    assert ebpf_new("hello", "--framework", FIRST, "--no-git").returncode == 0


def test_missing_framework_without_a_terminal(ebpf_new: Command, tmp_path: Path) -> None:
    done = ebpf_new("hello")
    assert done.returncode == 2
    assert done.stderr.startswith("error: --framework: ")
    assert all(name in done.stderr for name in FRAMEWORKS)
    assert list(tmp_path.iterdir()) == []


def test_missing_name_without_a_terminal(ebpf_new: Command, tmp_path: Path) -> None:
    for options in ([], ["--yes"]):
        done = ebpf_new("new", "--framework", FIRST, *options)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.startswith("error: NAME is missing\n") and '"ebpf-new NAME"' in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_yes_takes_the_first_framework(ebpf_new: Command, tmp_path: Path) -> None:
    assert ebpf_new("hello", "--yes").returncode == 0
    assert recorded_answers(tmp_path / "hello")["framework"] == FIRST


def test_help_names_the_options_and_choices(ebpf_new: Command) -> None:
    text = ebpf_new("hello", "--help").stdout
    options = ["--framework", "--program", "--output-dir", "--author", "--email", "--license", "--description"]
    options += ["--git", "--no-git", "--answers", "--replay", "--lang", "--yes", "--dry-run", "--json"]
    assert all(option in text for option in options)
    for framework in frameworks():
        assert framework.choose.split()[0] in text
        assert all(name in text for name in (framework.name, *framework.licenses, *framework.languages))
