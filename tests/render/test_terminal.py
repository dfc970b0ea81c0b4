# SPDX-License-Identifier: BSD-2-Clause
"""The command on a terminal: its questions, the wizard, and the command that the wizard ends with."""

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from scaffold.cli.new import print_command
from scaffold.project.answers import configuration_path
from scaffold.project.catalog import frameworks, load_catalog
from scaffold.project.request import ProjectRequest
from tests.render.terminal import run_in_terminal
from tests.render.trees import contents

CATALOG = load_catalog()
FIRST, SECOND = list(CATALOG)[:2]
NAME = "Name of the project"
CHOICE = "Name or number"
LICENSE = "Which licence"
AUTHOR = "Author for the copyright line"
EMAIL = "E-mail address of the author"


@pytest.mark.parametrize("answers", [["\n"], ["1\n"], [f"{FIRST}\n"], ["nonsense\n", f"{FIRST}\n"]])
def test_missing_framework_is_asked_for(tmp_path: Path, answers: list[str]) -> None:
    status, output = run_in_terminal(tmp_path, "hello", typed=[(CHOICE, answer) for answer in answers])
    assert status == 0
    assert (tmp_path / "hello/Makefile").is_file()
    for framework in frameworks():
        assert framework.name in output
        assert framework.choose[:20] in output


def test_framework_is_not_asked_for_if_another_answer_is_invalid(tmp_path: Path) -> None:
    status, output = run_in_terminal(tmp_path, "1", "--license", "x")
    assert status == 2
    assert CHOICE not in output
    assert "NAME" in output and "--license" in output


def test_framework_is_not_asked_for_with_yes(tmp_path: Path) -> None:
    status, output = run_in_terminal(tmp_path, "hello2", "--yes", "--json")
    assert status == 0
    assert json.loads(output)["framework"] == FIRST


@pytest.mark.parametrize("key", ["\x03", "\x04"])
def test_interrupted_question_creates_nothing(tmp_path: Path, key: str) -> None:
    status, output = run_in_terminal(tmp_path, "hello", typed=[(CHOICE, key)])
    assert status in (1, 130)
    assert "Traceback" not in output
    assert list(tmp_path.iterdir()) == []


def test_wizard_repeats_a_question_until_its_answer_is_valid(tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full/file").touch()
    typed = [
        (CHOICE, "nonsense\n"), (CHOICE, f"{SECOND}\n"),
        (NAME, "1\n"), (NAME, "full\n"), (NAME, "my labs/hello\n"),
        (CHOICE, "GPL-9\n"), (CHOICE, "3\n"),
        (AUTHOR, "Zoé [b]'\\\n"), (EMAIL, "a\x0bb\n"), (EMAIL, "\n"),
    ]  # fmt: skip
    status, output = run_in_terminal(tmp_path, typed=typed)
    assert status == 0
    for message in ("'nonsense'", "not empty", "'GPL-9'", "U+000B"):
        assert output.count(message) == 1, message
    after_nonsense, after_1, after_gpl_9 = (
        re.split(rf"{NAME}|{CHOICE}", output.split(word, 1)[1])[0] for word in ("'nonsense'", "'1'", "'GPL-9'")
    )
    assert all(name in after_nonsense for name in CATALOG)
    assert "letter" in after_1
    assert all(name in after_gpl_9 for name in CATALOG[SECOND].licenses)
    assert "from git (ada@example.org)" in output
    command = output.splitlines()[-1].strip()
    license = CATALOG[SECOND].licenses[2]
    options = ["--framework", SECOND, "--license", license, "--author", "Zoé [b]'\\"]
    assert shlex.split(command) == ["ebpf-new", "new", "my labs/hello", *options]
    again = [sys.executable, "-m", "scaffold", *shlex.split(command)[1:]]
    (tmp_path / "again").mkdir()
    subprocess.run(again, cwd=tmp_path / "again", check=True, capture_output=True)
    assert contents(tmp_path / "my labs/hello") == contents(tmp_path / "again/my labs/hello")


def test_wizard_describes_each_framework(tmp_path: Path) -> None:
    _, output = run_in_terminal(tmp_path, typed=[(CHOICE, "\x04")])
    for framework in frameworks():
        (row,) = re.findall(rf"^ \d  {re.escape(framework.name)} +(.*)", output, re.MULTILINE)
        facts = (framework.language, framework.choose, framework.shipped, framework.first_build)
        assert all(fact in row for fact in facts)


def test_wizard_does_not_ask_for_given_answers(tmp_path: Path) -> None:
    options = ["--framework", FIRST, "--license", "MIT", "--author", "", "--email", "z@x.org", "--no-git", "-o", "labs"]
    status, output = run_in_terminal(tmp_path, *options, typed=[(NAME, "\n")])
    assert status == 0
    assert (tmp_path / "labs/hello/Makefile").is_file()
    assert not any(question in output for question in (CHOICE, AUTHOR, EMAIL))
    command = f"ebpf-new new labs/hello --framework {FIRST} --license MIT --author '' --email z@x.org --no-git"
    assert command in output


def test_wizard_takes_defaults_from_the_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    configuration_path().parent.mkdir(parents=True)
    configuration_path().write_text(f'framework = "{SECOND}"\nlicense = "MIT"\nauthor = "Zoé"\ngit = false\n')
    typed = [(f"{CHOICE} ", "\n"), (NAME, "\n"), (f"{CHOICE} ", "\n"), (AUTHOR, "\n"), (EMAIL, "\n")]
    status, output = run_in_terminal(tmp_path, typed=typed)
    assert status == 0
    assert f"{AUTHOR}, from {configuration_path()} (Zoé)" in output
    assert output.split()[-4:] == ["new", "hello", "--framework", SECOND]
    configuration_path().write_text("git = 1\nlicence = 1\n")
    status, output = run_in_terminal(tmp_path)
    assert status == 2
    assert f"git in {configuration_path()}: " in output and f"licence in {configuration_path()}: " in output
    assert CHOICE not in output


@pytest.mark.parametrize(("key", "status"), [("\x03", 130), ("\x04", 1)])
def test_interrupted_wizard_creates_nothing(tmp_path: Path, key: str, status: int) -> None:
    typed = [(CHOICE, "\n"), (NAME, "hello\n"), (LICENSE, "\n"), (AUTHOR, key)]
    ended, output = run_in_terminal(tmp_path, typed=typed)
    assert ended == status
    assert "Traceback" not in output and output.endswith("\n")
    assert list(tmp_path.iterdir()) == []


def test_wizard_does_not_start_with_yes(tmp_path: Path) -> None:
    status, output = run_in_terminal(tmp_path, "--yes")
    assert status == 2 and "error: NAME is missing" in output
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("text", ["", "-x", "a b", "'\"$(touch pwned)`\\", "안녕 🐝", "!x", "#"])
def test_shell_passes_the_answers_of_the_command(text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    print_command(ProjectRequest(tmp_path / "hello", FIRST, author=text))
    command = capsys.readouterr().err.splitlines()[-1].replace("ebpf-new", "printf '%s\\0'", 1)
    done = subprocess.run(["sh", "-c", command], cwd=tmp_path, check=True, capture_output=True)
    arguments = ["new", str(tmp_path / "hello"), "--framework", FIRST, "--author", text]
    assert done.stdout.decode().split("\0")[:-1] == arguments
    assert list(tmp_path.iterdir()) == []
