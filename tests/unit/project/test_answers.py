# SPDX-License-Identifier: BSD-2-Clause
"""Answers from files: which counts, what is wrong in them, and what the last run leaves."""

import json
import os
import re
from pathlib import Path

import pytest

from scaffold.errors import UsageError
from scaffold.generate.create import ProjectPlan, plan_project
from scaffold.project.answers import (
    PREFERENCES,
    FileAnswers,
    configuration_path,
    fill_answers,
    last_answers_path,
    read_answer_files,
    read_answers,
    read_configuration,
    save_last_answers,
)
from scaffold.project.catalog import load_catalog
from scaffold.project.request import ProjectRequest
from tests.conftest import Command
from tests.paths import ROOT

CATALOG = load_catalog()
FIRST = next(iter(CATALOG))
WITH_MODULE = next(name for name, each in CATALOG.items() if "module" in each.own_answers)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user who has nothing yet."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home/config"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "home/state"))
    return tmp_path / "home"


def configure(text: str | bytes) -> Path:
    """Write the user's configuration."""
    path = configuration_path()
    path.parent.mkdir(parents=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def planned(request: ProjectRequest, *sources: FileAnswers) -> ProjectPlan:
    """What comes of `request`, as the command makes it."""
    return plan_project(fill_answers(request, [*sources, read_configuration()]), CATALOG)


def test_the_nearer_source_wins(tmp_path: Path, git_config: Path) -> None:
    def author(request: ProjectRequest, *sources: FileAnswers) -> str:
        return planned(request, *sources).project.author

    silent = ProjectRequest(tmp_path / "hello", FIRST)
    git_config.write_text("")
    assert author(silent) == ""
    git_config.write_text("[user]\nname = of git\n")
    assert author(silent) == "of git"
    configure('author = "of the configuration"')
    assert author(silent) == "of the configuration"
    last = planned(ProjectRequest(tmp_path / "hello", FIRST, author="of the last run"))
    save_last_answers(last.project, last.git)
    assert author(silent, *read_answer_files(None, True)) == "of the last run"
    (tmp_path / "file").write_text('author = "of the file"')
    asked = read_answer_files(tmp_path / "file", True)
    assert author(silent, *asked) == "of the file"
    assert author(ProjectRequest(tmp_path / "hello", FIRST, author="of the option"), *asked) == "of the option"
    assert author(ProjectRequest(tmp_path / "hello", FIRST, author=""), *asked) == ""


def test_what_can_be_configured(ebpf_new: Command, tmp_path: Path) -> None:
    texts = {"framework": WITH_MODULE, "license": "MIT", "author": "Zoé", "email": "z@x.org", "owner": "zoe"}
    configure("".join(f'{name} = "{text}"\n' for name, text in texts.items()) + "git = false")
    made = json.loads(ebpf_new("hello", "--json").stdout)
    answers = json.loads((tmp_path / "hello/.ebpf-new.json").read_text())["answers"]
    assert made["commit"] is None
    assert texts.items() <= answers.items()
    assert answers["module"] == "github.com/zoe/hello"
    assert json.loads(ebpf_new("other", "--json", "--git").stdout)["commit"]


def test_export_heeds_the_configuration(ebpf_new: Command, tmp_path: Path) -> None:
    configure('framework = "nonsense"\nowner = "zoe"\ngit = false')
    assert ebpf_new("export", "all").returncode == 0
    answers = json.loads((tmp_path / "all" / f"{FIRST}-starter" / ".ebpf-new.json").read_text())["answers"]
    assert answers["owner"] == "zoe"
    assert not list((tmp_path / "all").glob("*/.git"))


def test_all_that_is_wrong_in_files_and_options_is_said_at_once(ebpf_new: Command, tmp_path: Path) -> None:
    path = configure('licence = "MIT"\nlicense = "GPL-9"\ngit = "no"\nauthor = 7\n"a\\u001bb" = {}')
    (tmp_path / "file").write_text('owner = "a--b"\nmodule = []\nemail = 2026-01-01')
    done = ebpf_new("1", "--framework", FIRST, "--answers", "file", "--program", "p")
    assert done.returncode == 2
    said = dict(line.strip().split(": ", 1) for line in done.stderr.splitlines()[1:])
    assert {where: words.partition(";")[0] for where, words in said.items()} == {
        "module in file": "it is an array",
        "email in file": "it is a date or time",
        f"licence in {path}": "there is no such key",
        f"git in {path}": "it is a text",
        f"author in {path}": "it is a number",
        f"'a\\x1bb' in {path}": "there is no such key",
        "NAME": "'1' begins with '1'",
        "--program": "there is no 'p'",
        f"license in {path}": "there is no 'GPL-9'",
        "owner in file": "'a--b' is no user or organisation on GitHub",
    }
    assert all("allowed is " in words for words in said.values())
    assert sorted(each.name for each in tmp_path.iterdir()) == ["file", "home"]


UNREADABLE = {
    b"\xff": "is not UTF-8: byte 1 is 0xff",
    b"a = ": "is no TOML: Invalid value",
    b"a = 1\na = 2": "is no TOML: Cannot overwrite a value",
    b'{"a": ': "is no JSON: Expecting value",
    b'{"a":' * 100_000: "is no JSON: it is nested too deeply",
}


@pytest.mark.parametrize("data", UNREADABLE, ids=list(UNREADABLE.values()))
def test_what_cannot_be_read_is_named(tmp_path: Path, data: bytes) -> None:
    path = configure(data)
    (tmp_path / "file").write_bytes(data)
    for read in (read_configuration, lambda: read_answers(tmp_path / "file")):
        with pytest.raises(UsageError) as caught:
            read()
        assert UNREADABLE[data] in str(caught.value)
        assert str(path) in str(caught.value) or str(tmp_path / "file") in str(caught.value)


def test_a_directory_is_no_file(ebpf_new: Command) -> None:
    configuration_path().mkdir(parents=True)
    done = ebpf_new("hello", "--framework", FIRST)
    assert done.returncode == 2
    assert done.stderr == f"error: cannot read {configuration_path()}: Is a directory\n"


def test_a_file_of_answers_must_be_there(ebpf_new: Command) -> None:
    done = ebpf_new("hello", "--answers", "gone.toml")
    assert (done.returncode, done.stderr) == (2, "error: cannot read gone.toml: No such file or directory\n")


def test_no_configuration_is_none(home: Path) -> None:
    assert read_configuration() == FileAnswers()
    home.touch()
    assert read_configuration() == FileAnswers()


def test_the_documented_files_are_good(tmp_path: Path) -> None:
    page = (ROOT / "docs/configuration.md").read_text()
    configuration, answers = re.findall(r"^```toml\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    configure(configuration)
    found = read_configuration()
    assert (tuple(found.values), found.problems) == (PREFERENCES, ())
    (tmp_path / "file").write_text(answers)
    assert planned(ProjectRequest(tmp_path / "hello"), read_answers(tmp_path / "file")).project.license == "Apache-2.0"


@pytest.mark.parametrize("named", ["", "relative/path"])
def test_places_without_a_variable(monkeypatch: pytest.MonkeyPatch, named: str) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", named)
    monkeypatch.setenv("XDG_STATE_HOME", named)
    monkeypatch.setenv("HOME", "/home/ada")
    assert configuration_path() == Path("/home/ada/.config/ebpf-new/config.toml")
    assert last_answers_path() == Path("/home/ada/.local/state/ebpf-new/last.json")


@pytest.mark.parametrize(
    "text", ['\ufeffauthor = "Zoé"\r\n', '\ufeff{"author": "Zoé"}', '{"answers": {"author": "Zoé"}}']
)
def test_forms_of_a_file(tmp_path: Path, text: str) -> None:
    (tmp_path / "file").write_bytes(text.encode())
    assert read_answers(tmp_path / "file").values == {"author": "Zoé"}


def test_one_like_another_project(ebpf_new: Command, tmp_path: Path) -> None:
    ebpf_new("first", "-f", WITH_MODULE, "--owner", "zoe", "--license", "MIT", "--description", "{{ x }}")
    assert ebpf_new("labs/second", "--answers", "first/.ebpf-new.json").returncode == 0
    first, second = (
        json.loads((tmp_path / name / ".ebpf-new.json").read_text())["answers"] for name in ("first", "labs/second")
    )
    assert second == first | {"name": "second", "module": "github.com/zoe/second"}


def test_a_module_of_its_own_stays_unless_another_framework_is_wanted(tmp_path: Path) -> None:
    (tmp_path / "file").write_text(
        f'framework = "{WITH_MODULE}"\nmodule = "example.org/x"\nname = "old"\nyear = "1999"'
    )
    like = read_answers(tmp_path / "file")
    made = planned(ProjectRequest(tmp_path / "hello"), like).project
    assert (made.name, made.module) == ("hello", "example.org/x")
    assert made.year != "1999"
    assert planned(ProjectRequest(tmp_path / "hello", FIRST), like).project.module == ""


def test_replay(ebpf_new: Command, tmp_path: Path) -> None:
    done = ebpf_new("hello", "--replay")
    assert done.returncode == 2
    assert done.stderr.startswith(f"error: there is no run to replay: {last_answers_path()} is not there")
    texts = ["--author", "안녕", "--email", "", "--description", "=]", "--license", "MIT"]
    assert ebpf_new("first", "--framework", FIRST, "--no-git", *texts).returncode == 0
    assert ebpf_new("not", "--framework", WITH_MODULE, "--dry-run").returncode == 0
    assert ebpf_new("1", "--framework", WITH_MODULE).returncode == 2
    assert ebpf_new("second", "--replay").returncode == 0
    first, second = (
        json.loads((tmp_path / name / ".ebpf-new.json").read_text())["answers"] for name in ("first", "second")
    )
    assert second == first | {"name": "second"}
    assert not (tmp_path / "second/.git").exists()
    assert os.listdir(last_answers_path().parent) == ["last.json"]


@pytest.mark.parametrize("obstacle", ["file", "directory"])
def test_a_record_that_cannot_be_kept_is_no_fault(ebpf_new: Command, home: Path, obstacle: str) -> None:
    if obstacle == "file":
        home.touch()
    else:
        last_answers_path().mkdir(parents=True)
    done = ebpf_new("hello", "--framework", FIRST, "--no-git")
    assert (done.returncode, done.stderr) == (0, "")
    assert obstacle == "file" or os.listdir(last_answers_path().parent) == ["last.json"]
