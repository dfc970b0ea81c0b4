# SPDX-License-Identifier: BSD-2-Clause
"""Answers from files: which file has precedence, which contents are invalid, and what the last run saves."""

import os
import re
from pathlib import Path

import pytest

from scaffold.errors import InvalidAnswersError, UsageError
from scaffold.generate.create import ProjectPlan, plan_project
from scaffold.project.answers import (
    ANSWER_KEYS,
    CONFIGURATION_KEYS,
    FileAnswers,
    configuration_path,
    fill_answers,
    last_answers_path,
    read_answer_files,
    read_answers,
    read_configuration,
    read_last_answers,
    save_last_answers,
)
from scaffold.project.catalog import load_catalog
from scaffold.project.request import ProjectRequest
from tests.paths import ROOT

CATALOG = load_catalog()
FIRST = next(iter(CATALOG))
WITH_MODULE = next(name for name, framework in CATALOG.items() if "module" in framework.own_answers)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The directory of a user without any files."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home/config"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "home/state"))
    return tmp_path / "home"


def configure(text: str | bytes) -> Path:
    """Write the user's configuration, and return its path."""
    path = configuration_path()
    path.parent.mkdir(parents=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def plan(request: ProjectRequest, *sources: FileAnswers) -> ProjectPlan:
    """Plan `request` with the answers of `sources` and of the configuration, as the command does."""
    return plan_project(fill_answers(request, [*sources, read_configuration()]), CATALOG)


def test_precedence_of_the_sources(tmp_path: Path, git_config: Path) -> None:
    def author(request: ProjectRequest, *sources: FileAnswers) -> str:
        return plan(request, *sources).project.author

    request = ProjectRequest(tmp_path / "hello", FIRST)
    git_config.write_text("")
    assert author(request) == ""
    git_config.write_text("[user]\nname = git\n")
    assert author(request) == "git"
    configure('author = "configuration"')
    assert author(request) == "configuration"
    last = plan(ProjectRequest(tmp_path / "hello", FIRST, author="last run"))
    save_last_answers(last.project, last.git)
    assert author(request, *read_answer_files(None, True)) == "last run"
    (tmp_path / "file").write_text('author = "file"')
    sources = read_answer_files(tmp_path / "file", True)
    assert author(request, *sources) == "file"
    assert author(ProjectRequest(tmp_path / "hello", FIRST, author="option"), *sources) == "option"
    assert author(ProjectRequest(tmp_path / "hello", FIRST, author=""), *sources) == ""


def test_configuration_provides_defaults(tmp_path: Path) -> None:
    texts = {"framework": WITH_MODULE, "license": "MIT", "author": "Zoé", "email": "z@x.org", "owner": "zoe"}
    configure("".join(f'{key} = "{text}"\n' for key, text in texts.items()) + "git = false")
    configured = plan(ProjectRequest(tmp_path / "hello"))
    assert texts.items() <= configured.project.answers().items()
    assert configured.project.module == "github.com/zoe/hello"
    assert configured.git is False
    assert plan(ProjectRequest(tmp_path / "hello", git=True)).git is True


def test_problems_in_files_and_options_are_reported_together(tmp_path: Path) -> None:
    configuration = configure('licence = "MIT"\nlicense = "GPL-9"\ngit = "no"\nauthor = 7\n"a\\u001bb" = {}')
    file = tmp_path / "file"
    file.write_text('owner = "a--b"\nmodule = []\nemail = 2026-01-01')
    with pytest.raises(InvalidAnswersError) as caught:
        plan(ProjectRequest(tmp_path / "1", FIRST, "p"), read_answers(file))
    problems = {problem.answer: problem.message for problem in caught.value.problems}
    facts = {
        f"module in {file}": ("a string", "an array"),
        f"email in {file}": ("a string", "a date or time"),
        f"licence in {configuration}": ("unknown", " | ".join(CONFIGURATION_KEYS)),
        f"git in {configuration}": ("true or false", "a string"),
        f"author in {configuration}": ("a string", "a number"),
        f"'a\\x1bb' in {configuration}": ("unknown", " | ".join(CONFIGURATION_KEYS)),
        "NAME": ("'1'", "a letter, then"),
        "--program": ("'p'", CATALOG[FIRST].programs[0].name),
        f"license in {configuration}": ("'GPL-9'", " | ".join(CATALOG[FIRST].licenses)),
        f"owner in {file}": ("'a--b'", "letters and digits"),
    }
    assert problems.keys() == facts.keys()
    for answer, parts in facts.items():
        assert all(part in problems[answer] for part in parts), problems[answer]
        assert f"{answer}: {problems[answer]}" in str(caught.value)


def test_a_file_of_answers_may_contain_every_key(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("nonsense = 1")
    (problem,) = read_answers(tmp_path / "file").problems
    assert " | ".join(ANSWER_KEYS) in problem.message


UNREADABLE = {
    b"\xff": "UTF-8: byte 1 is 0xff",
    b"a = ": "TOML: Invalid value",
    b"a = 1\na = 2": "TOML: Cannot overwrite a value",
    b'{"a": ': "JSON: Expecting value",
    b'{"a":' * 100_000: "JSON: it is nested too deeply",
}


@pytest.mark.parametrize("data", UNREADABLE, ids=list(UNREADABLE.values()))
def test_an_unreadable_file_is_named_with_the_reason(tmp_path: Path, data: bytes) -> None:
    path = configure(data)
    (tmp_path / "file").write_bytes(data)
    with pytest.raises(UsageError, match=re.escape(str(path))) as caught:
        read_configuration()
    assert UNREADABLE[data] in caught.value.message
    with pytest.raises(UsageError, match=re.escape(str(tmp_path / "file"))) as caught:
        read_answers(tmp_path / "file")
    assert UNREADABLE[data] in caught.value.message


def test_a_directory_in_place_of_the_configuration_is_an_error() -> None:
    configuration_path().mkdir(parents=True)
    with pytest.raises(UsageError, match=re.escape(f"cannot read {configuration_path()}: Is a directory")):
        read_configuration()


def test_a_missing_file_of_answers_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"cannot read .*gone\.toml: No such file or directory"):
        read_answers(tmp_path / "gone.toml")


def test_replay_without_a_last_run_is_an_error() -> None:
    with pytest.raises(UsageError, match=re.escape(str(last_answers_path()))) as caught:
        read_last_answers()
    assert "--replay" in caught.value.hint


def test_a_missing_configuration_has_no_answers(home: Path) -> None:
    assert read_configuration() == FileAnswers()
    home.touch()
    assert read_configuration() == FileAnswers()


def test_the_documented_files_are_valid(tmp_path: Path) -> None:
    page = (ROOT / "docs/configuration.md").read_text()
    configuration, answers = re.findall(r"^```toml\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    configure(configuration)
    configured = read_configuration()
    assert (tuple(configured.values), configured.problems) == (CONFIGURATION_KEYS, ())
    (tmp_path / "file").write_text(answers)
    assert plan(ProjectRequest(tmp_path / "hello"), read_answers(tmp_path / "file")).project.license == "Apache-2.0"


@pytest.mark.parametrize("variable", ["", "relative/path"])
def test_default_directories(monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", variable)
    monkeypatch.setenv("XDG_STATE_HOME", variable)
    monkeypatch.setenv("HOME", "/home/ada")
    assert configuration_path() == Path("/home/ada/.config/ebpf-new/config.toml")
    assert last_answers_path() == Path("/home/ada/.local/state/ebpf-new/last.json")


@pytest.mark.parametrize(
    "text", ['\ufeffauthor = "Zoé"\r\n', '\ufeff{"author": "Zoé"}', '{"answers": {"author": "Zoé"}}']
)
def test_formats_of_a_file(tmp_path: Path, text: str) -> None:
    (tmp_path / "file").write_bytes(text.encode())
    assert read_answers(tmp_path / "file").values == {"author": "Zoé"}


def test_a_custom_module_is_kept_unless_another_framework_is_requested(tmp_path: Path) -> None:
    (tmp_path / "file").write_text(
        f'framework = "{WITH_MODULE}"\nmodule = "example.org/x"\nname = "old"\nyear = "1999"'
    )
    answers = read_answers(tmp_path / "file")
    project = plan(ProjectRequest(tmp_path / "hello"), answers).project
    assert (project.name, project.module) == ("hello", "example.org/x")
    assert project.year != "1999"
    assert plan(ProjectRequest(tmp_path / "hello", FIRST), answers).project.module == ""


def test_a_default_module_follows_the_new_name(tmp_path: Path) -> None:
    old = plan(ProjectRequest(tmp_path / "old", WITH_MODULE, owner="zoe", license="MIT", description="{{ x }}"))
    save_last_answers(old.project, old.git)
    new = plan(ProjectRequest(tmp_path / "new"), read_last_answers()).project
    assert new.answers() == old.project.answers() | {"name": "new", "module": "github.com/zoe/new"}


def test_saved_answers_are_read_again(tmp_path: Path) -> None:
    request = ProjectRequest(tmp_path / "hello", FIRST, author="안녕", email="", description="=]", git=False)
    first = plan(request)
    save_last_answers(first.project, first.git)
    again = plan(ProjectRequest(tmp_path / "hello"), read_last_answers())
    assert (again.project, again.git) == (first.project, False)
    assert os.listdir(last_answers_path().parent) == ["last.json"]
    assert last_answers_path().stat().st_mode & 0o777 == 0o600
    assert last_answers_path().parent.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("obstacle", ["file", "directory"])
def test_answers_that_cannot_be_saved_are_not_an_error(tmp_path: Path, home: Path, obstacle: str) -> None:
    if obstacle == "file":
        home.touch()
    else:
        last_answers_path().mkdir(parents=True)
    save_last_answers(plan(ProjectRequest(tmp_path / "hello", FIRST)).project, git=True)
    assert obstacle == "file" or os.listdir(last_answers_path().parent) == ["last.json"]
