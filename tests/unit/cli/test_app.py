# SPDX-License-Identifier: BSD-2-Clause
"""What a user types, sees and gets as exit code."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from scaffold import __version__
from scaffold.project.catalog import frameworks, kernel_names, load_catalog
from tests.conftest import Command, git
from tests.terminal import on_terminal

FRAMEWORKS = [framework.name for framework in frameworks()]
FIRST = FRAMEWORKS[0]


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_name_alone_means_new(ebpf_new: Command, tmp_path: Path, framework: str) -> None:
    for arguments in (["hello", "-f", framework], ["new", "list", "-f", framework], ["-f", framework, "test2"]):
        done = ebpf_new(*arguments)
        assert (done.returncode, done.stderr) == (0, "")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["hello", "list", "test2"]
    assert git(tmp_path / "hello", "log", "--format=%an") == "Ada Lovelace"


@pytest.mark.parametrize("name", ["new", "list", "export", "test", "update"])
def test_a_project_may_have_the_name_of_a_command(ebpf_new: Command, tmp_path: Path, name: str) -> None:
    assert ebpf_new("new", name, "-f", FIRST).returncode == 0
    assert json.loads((tmp_path / name / ".ebpf-new.json").read_text())["answers"]["name"] == name


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_a_module_is_taken_where_there_is_one(ebpf_new: Command, tmp_path: Path, framework: str) -> None:
    done = ebpf_new("hello", "-f", framework, "--module", "example.org/a/hello", "--owner", "ada")
    if "module" in load_catalog()[framework].own_answers:
        recorded = json.loads((tmp_path / "hello/.ebpf-new.json").read_text())["answers"]
        assert (recorded["module"], recorded["owner"]) == ("example.org/a/hello", "ada")
    else:
        assert done.returncode == 2
        assert "--module: " in done.stderr and "have no Go module" in done.stderr
        assert list(tmp_path.iterdir()) == []


def test_what_to_type_next(ebpf_new: Command, tmp_path: Path) -> None:
    done = ebpf_new("my labs/hello", "--framework", FIRST)
    commands = [line.partition("#")[0].strip() for line in done.stdout.splitlines()[2:]]
    assert commands == ["cd 'my labs/hello'", "make deps", "make", "make test"]
    done = ebpf_new(str(tmp_path / "-x/hello"), "--framework", FIRST)
    assert "  cd ./-x/hello\n" in done.stdout


def test_json_is_one_object(ebpf_new: Command, tmp_path: Path) -> None:
    made = json.loads(ebpf_new("labs/hello", "--framework", FIRST, "--json").stdout)
    assert made["path"] == str(tmp_path / "labs/hello")
    assert (made["name"], made["framework"]) == ("hello", FIRST)
    assert made["files"] == git(tmp_path / "labs/hello", "ls-files").splitlines()
    assert made["commit"] == git(tmp_path / "labs/hello", "rev-parse", "HEAD")
    assert made["branch"] == "main"


def test_files_only(ebpf_new: Command, tmp_path: Path) -> None:
    made = json.loads(ebpf_new("hello", "--framework", FIRST, "--json", "--no-git").stdout)
    assert (made["commit"], made["branch"]) == (None, None)
    assert not (tmp_path / "hello/.git").exists()


def test_output_directory(ebpf_new: Command, tmp_path: Path) -> None:
    assert ebpf_new("week1/hello", "--framework", FIRST, "-o", "some/labs").returncode == 0
    assert (tmp_path / "some/labs/week1/hello/Makefile").is_file()


def test_dry_run_shows_what_would_be_made_and_makes_nothing(ebpf_new: Command, tmp_path: Path) -> None:
    tree = ebpf_new("hello", "--framework", FIRST, "--dry-run")
    planned = json.loads(ebpf_new("hello", "--framework", FIRST, "--dry-run", "--json").stdout)
    assert list(tmp_path.iterdir()) == []
    made = json.loads(ebpf_new("hello", "--framework", FIRST, "--json").stdout)
    assert planned["files"] == made["files"]
    shown = [line.split()[-1] for line in tree.stdout.splitlines()[1:]]
    assert [name for name in shown if not name.endswith("/")] == [Path(file).name for file in made["files"]]


def test_dry_run_reports_bad_answers_too(ebpf_new: Command) -> None:
    assert ebpf_new("1", "--framework", FIRST, "--dry-run").returncode == 2


def test_all_bad_answers_at_once_and_nothing_written(ebpf_new: Command, tmp_path: Path) -> None:
    (tmp_path / "1 x").write_text("kept")
    bad = ["--program", "p", "--license", "l", "--author", "a\nb", "--email", "\t@\t.", "--description", "\x1b[1m"]
    done = ebpf_new("1 x", *bad)
    assert done.returncode == 2
    reported = [line.split(":")[0].strip() for line in done.stderr.splitlines()[1:]]
    assert reported == ["NAME", "--framework", "--program", "--license", "--description", "--author", "--email", "NAME"]
    assert "\x1b" not in done.stderr
    assert [path.read_text() for path in tmp_path.iterdir()] == ["kept"]


@pytest.mark.parametrize("name", ["", "/", ".", "..", "labs/", "labs/..", "labs/.", "-", "{{x}}"])
def test_paths_without_a_name_are_bad_answers(ebpf_new: Command, tmp_path: Path, name: str) -> None:
    (tmp_path / "labs").mkdir()
    (tmp_path / "labs/file").touch()
    done = ebpf_new("--framework", FIRST, "--", name)
    assert done.returncode == 2
    assert done.stderr.startswith("ebpf-new: nothing was made:\n  NAME: ")
    assert [path.name for path in tmp_path.rglob("*")] == ["labs", "file"]


def test_without_git_it_says_how_to_go_on(ebpf_new: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    done = ebpf_new("hello", "--framework", FIRST)
    assert done.returncode == 2
    assert "--git: git is not installed" in done.stderr
    assert ebpf_new("hello", "--framework", FIRST, "--no-git").returncode == 0


def test_no_terminal_and_no_framework(ebpf_new: Command, tmp_path: Path) -> None:
    done = ebpf_new("hello")
    assert done.returncode == 2
    assert "--framework: missing" in done.stderr
    assert FIRST in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_yes_takes_the_default_framework(ebpf_new: Command, tmp_path: Path) -> None:
    assert ebpf_new("hello", "--yes").returncode == 0
    code, shown = on_terminal(tmp_path, "hello2", "--yes", "--json")
    assert code == 0
    assert json.loads(shown)["framework"] == FIRST


@pytest.mark.parametrize("answers", [["\n"], ["1\n"], [f"{FIRST}\n"], ["nonsense\n", f"{FIRST}\n"]])
def test_on_a_terminal_it_asks(tmp_path: Path, answers: list[str]) -> None:
    code, shown = on_terminal(tmp_path, "hello", typed=[("Name or number", answer) for answer in answers])
    assert code == 0
    assert (tmp_path / "hello/Makefile").is_file()
    for framework in frameworks():
        assert framework.name in shown
        assert framework.choose[:20] in shown


def test_it_asks_only_when_the_rest_is_good(tmp_path: Path) -> None:
    code, shown = on_terminal(tmp_path, "1", "--license", "x")
    assert code == 2
    assert "Which framework" not in shown
    assert "NAME" in shown and "--license" in shown


@pytest.mark.parametrize("answer", ["\x03", "\x04"])
def test_ending_the_question_makes_nothing(tmp_path: Path, answer: str) -> None:
    code, shown = on_terminal(tmp_path, "hello", typed=[("Name or number", answer)])
    assert code in (1, 130)
    assert "Traceback" not in shown
    assert list(tmp_path.iterdir()) == []


def test_list(ebpf_new: Command) -> None:
    shown = ebpf_new("list")
    assert shown.returncode == 0
    assert all(name in shown.stdout for name in FRAMEWORKS)
    listed = json.loads(ebpf_new("list", "--json").stdout)
    assert [*listed["kernels"], "distro", "host"] == kernel_names()
    found = listed["frameworks"]
    assert [each["name"] for each in found] == FRAMEWORKS
    assert all(
        each[key] for each in found for key in ("language", "needs", "artefact", "choose", "programs", "licenses")
    )


def test_version_and_help(ebpf_new: Command) -> None:
    assert ebpf_new("--version").stdout == f"ebpf-new {__version__}\n"
    shown = ebpf_new("--help").stdout
    assert all(word in shown for word in ("new", "list", "export", "test", "NAME", "--install-completion"))
    assert "Usage: ebpf-new" in ebpf_new().stdout + ebpf_new().stderr
    shown = ebpf_new("hello", "--help").stdout
    options = ["--framework", "--program", "--output-dir", "--author", "--email", "--license", "--description"]
    options += ["--git", "--no-git", "--answers", "--replay", "--lang", "--yes", "--dry-run", "--json"]
    assert all(option in shown for option in options)
    shown = ebpf_new("export", "--help").stdout
    options = ["DIR", "--owner", "--program", "--author", "--email", "--license", "--git", "--no-git", "--json"]
    assert all(option in shown for option in options)
    assert all(framework.choose.split()[0] in shown for framework in frameworks())


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("ebpf-new hello --framework ", FIRST),
        ("ebpf-new new hello -f ", FIRST),
        ("ebpf-new hello --program ", "tracepoint"),
        ("ebpf-new hello --license LG", "LGPL-2.1 OR BSD-2-Clause"),
        ("ebpf-new export all --program ", "tracepoint"),
        ("ebpf-new export all --license LG", "LGPL-2.1 OR BSD-2-Clause"),
        ("ebpf-new test hello --kernel d", "distro"),
        ("ebpf-new hello --lang k", "ko"),
        ("ebpf-new l", "list"),
        ("ebpf-new ex", "export"),
        ("ebpf-new hello --fr", "--framework"),
    ],
)
def test_completion(ebpf_new: Command, monkeypatch: pytest.MonkeyPatch, words: str, expected: str) -> None:
    monkeypatch.setenv("_EBPF_NEW_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", words)
    monkeypatch.setenv("COMP_CWORD", str(words.count(" ")))
    assert expected in ebpf_new().stdout.splitlines()


def test_wrong_usage(ebpf_new: Command, tmp_path: Path) -> None:
    assert ebpf_new("hello", "--nonsense").returncode == 2
    assert ebpf_new("new").returncode == 2
    assert ebpf_new("hello", "extra", "--framework", FIRST).returncode == 2
    done = ebpf_new("test", str(tmp_path))
    assert done.returncode == 2
    assert "vmtest.toml" in done.stderr


def cpu_seconds(*command: str) -> float:
    """The least processor time of a few runs."""
    script = (
        "import os, subprocess, sys; subprocess.run(sys.argv[2:], stdout=2, check=True); print(sum(os.times()[2:4]))"
    )
    measured = [sys.executable, "-c", script, "--", *command]
    runs = [subprocess.run(measured, check=True, capture_output=True) for _ in range(5)]
    return min(float(run.stdout) for run in runs)


def test_help_starts_as_fast_as_typer_allows() -> None:
    helped = cpu_seconds(sys.executable, "-m", "scaffold", "--help")
    assert helped <= 2.5 * cpu_seconds(sys.executable, "-c", "import typer")


def test_nothing_heavy_is_imported_for_a_message() -> None:
    code = """
import sys
from scaffold.cli.app import app
app(["--help"], standalone_mode=False)
heavy = {"cookiecutter", "git", "jinja2", "rich", "yaml"} & set(sys.modules)
assert not heavy, heavy
"""
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)
