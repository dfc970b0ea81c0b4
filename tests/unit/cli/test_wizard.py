# SPDX-License-Identifier: BSD-2-Clause
"""The guided form: what it asks, what it takes, and the command that it ends with."""

import re
import shlex
import subprocess
import sys
import tempfile
from dataclasses import fields, replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scaffold.cli.show import show_command
from scaffold.cli.wizard import shortest_wish
from scaffold.generate.create import plan_project
from scaffold.project.answers import FileAnswers, configuration_path, fill_answers
from scaffold.project.catalog import frameworks, load_catalog
from scaffold.project.request import ProjectRequest
from tests.conftest import Command
from tests.render.trees import contents
from tests.terminal import on_terminal

CATALOG = load_catalog()
FIRST, SECOND = list(CATALOG)[:2]
NAME = "Name of the project"
CHOICE = "Name or number"
LICENSE = "Under which licence"
AUTHOR = "Author for the copyright line"
EMAIL = "E-mail address beside it"


def test_it_asks_again_for_what_is_bad_and_ends_with_the_command_that_does_the_same(tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full/file").touch()
    typed = [
        (CHOICE, "nonsense\n"), (CHOICE, f"{SECOND}\n"),
        (NAME, "1\n"), (NAME, "full\n"), (NAME, "my labs/hello\n"),
        (CHOICE, "GPL-9\n"), (CHOICE, "3\n"),
        (AUTHOR, "Zoé [b]'\\\n"), (EMAIL, "a\x0bb\n"), (EMAIL, "\n"),
    ]  # fmt: skip
    code, shown = on_terminal(tmp_path, typed=typed)
    assert code == 0
    for message in (
        "'nonsense' is unknown: expected libbpf | ", "it begins with '1'", "already exists and is not empty",
        "'GPL-9' is unknown: expected ", "a control character (U+000B)",
    ):  # fmt: skip
        assert shown.count(message) == 1, message
    assert "from git (ada@example.org)" in shown
    command = shown.split("The same without questions:")[1].strip()
    license = CATALOG[SECOND].licenses[2]
    expected = [
        "ebpf-new",
        "new",
        "my labs/hello",
        "--framework",
        SECOND,
        "--license",
        license,
        "--author",
        "Zoé [b]'\\",
    ]
    assert shlex.split(command) == expected
    again = [sys.executable, "-m", "scaffold", *shlex.split(command)[1:]]
    (tmp_path / "again").mkdir()
    subprocess.run(again, cwd=tmp_path / "again", check=True, capture_output=True)
    assert contents(tmp_path / "my labs/hello") == contents(tmp_path / "again/my labs/hello")


def test_it_shows_what_speaks_for_each_framework(tmp_path: Path) -> None:
    _, shown = on_terminal(tmp_path, typed=[(CHOICE, "\x04")])
    for each in frameworks():
        (words,) = re.findall(rf"^ \d  {re.escape(each.name)} +(.*)", shown, re.MULTILINE)
        assert all(word in words for word in (each.language, each.choose, each.shipped, each.first_build))


def test_it_asks_for_nothing_that_is_given(tmp_path: Path) -> None:
    options = ["--framework", FIRST, "--license", "MIT", "--author", "", "--email", "z@x.org", "--no-git", "-o", "labs"]
    code, shown = on_terminal(tmp_path, *options, typed=[(NAME, "\n")])
    assert code == 0
    assert (tmp_path / "labs/hello/Makefile").is_file()
    assert not any(question in shown for question in (CHOICE, AUTHOR, EMAIL))
    command = f"ebpf-new new labs/hello --framework {FIRST} --license MIT --author '' --email z@x.org --no-git"
    assert command in shown


def test_what_is_configured_is_the_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    configuration_path().parent.mkdir(parents=True)
    configuration_path().write_text(f'framework = "{SECOND}"\nlicense = "MIT"\nauthor = "Zoé"\ngit = false\n')
    typed = [(f"{CHOICE} ", "\n"), (NAME, "\n"), (f"{CHOICE} ", "\n"), (AUTHOR, "\n"), (EMAIL, "\n")]
    code, shown = on_terminal(tmp_path, typed=typed)
    assert code == 0
    assert f"copyright line, from {configuration_path()} (Zoé)" in shown
    assert shown.split()[-4:] == ["new", "hello", "--framework", SECOND]
    configuration_path().write_text("git = 1\nlicence = 1\n")
    code, shown = on_terminal(tmp_path)
    assert code == 2
    assert f"git in {configuration_path()}: " in shown and f"licence in {configuration_path()}: " in shown
    assert CHOICE not in shown


@pytest.mark.parametrize(("key", "status"), [("\x03", 130), ("\x04", 1)])
def test_ending_the_form_makes_nothing(tmp_path: Path, key: str, status: int) -> None:
    code, shown = on_terminal(tmp_path, typed=[(CHOICE, "\n"), (NAME, "hello\n"), (LICENSE, "\n"), (AUTHOR, key)])
    assert code == status
    assert "Traceback" not in shown and shown.endswith("\n")
    assert list(tmp_path.iterdir()) == []


def test_nobody_is_asked_without_a_terminal(ebpf_new: Command, tmp_path: Path) -> None:
    done = ebpf_new()
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("Usage: ebpf-new ")
    done = ebpf_new("new", "--framework", FIRST)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith('ebpf-new: NAME is missing: type "ebpf-new NAME"')
    assert on_terminal(tmp_path, "--yes")[0] == 2
    assert list(tmp_path.iterdir()) == []


TEXT = st.text(
    st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"], exclude_characters="\ufffe\uffff"), max_size=8
)
ANSWERS = st.fixed_dictionaries(
    {},
    optional={
        "license": st.sampled_from(CATALOG[FIRST].licenses),
        "description": TEXT,
        "author": TEXT,
        "email": TEXT,
        "owner": st.sampled_from(["", "ada", "zoe"]),
        "git": st.booleans(),
    },
)


@settings(max_examples=20)
@given(framework=st.sampled_from(list(CATALOG)), answers=ANSWERS, configured=ANSWERS)
def test_the_command_says_the_same_in_any_words(
    framework: str, answers: dict[str, object], configured: dict[str, object]
) -> None:
    configuration = FileAnswers({name: value for name, value in configured.items() if name != "description"})
    with tempfile.TemporaryDirectory() as directory:
        request = replace(ProjectRequest(Path(directory, "hello"), framework), **answers)  # type: ignore[arg-type]
        plan = plan_project(fill_answers(request, [configuration]), CATALOG)
        short = shortest_wish(plan, configuration, CATALOG)
        again = plan_project(fill_answers(short, [configuration]), CATALOG)
    assert (again.project, again.git) == (plan.project, plan.git)
    said = {field.name for field in fields(short) if getattr(short, field.name) != field.default}
    assert said <= {"target", "origins", "framework", "module", *answers}


@pytest.mark.parametrize("text", ["", "-x", "a b", "'\"$(touch pwned)`\\", "안녕 🐝", "!x", "#"])
def test_a_shell_reads_the_command_as_it_was_meant(
    text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    show_command(ProjectRequest(tmp_path / "hello", FIRST, author=text))
    command = capsys.readouterr().err.splitlines()[-1].replace("ebpf-new", "printf '%s\\0'", 1)
    done = subprocess.run(["sh", "-c", command], cwd=tmp_path, check=True, capture_output=True)
    words = ["new", str(tmp_path / "hello"), "--framework", FIRST, "--author", text]
    assert done.stdout.decode().split("\0")[:-1] == words
    assert list(tmp_path.iterdir()) == []
