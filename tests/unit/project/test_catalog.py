# SPDX-License-Identifier: BSD-2-Clause
"""The catalog contains what the template directories contain; no other list of frameworks or programs exists."""

import json
import shutil
from pathlib import Path

import pytest

from scaffold import __version__
from scaffold.errors import TemplateError
from scaffold.project.catalog import Framework, frameworks, kernel_names, load_catalog, templates_directory

FRAMEWORKS = frameworks()
KEYS = ["name", "description", "author", "email", "license", "owner", "program", "lang", "year"]


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """A copy of the templates that the test can change."""
    return shutil.copytree(templates_directory(), tmp_path / "templates", symlinks=True)


@pytest.mark.parametrize("framework", FRAMEWORKS, ids=lambda framework: framework.name)
def test_templates_have_the_same_answers_and_this_version(framework: Framework) -> None:
    answers = json.loads((framework.directory / "cookiecutter.json").read_text())
    assert [key for key in answers if key[0] != "_"] == KEYS
    assert framework.settings["_version"] == __version__
    assert framework.needs and framework.programs and framework.reserved_names
    assert framework.licenses[0] == "LGPL-2.1 OR BSD-2-Clause"
    assert all("\n" not in text and text for text in (framework.title, framework.language, framework.choose))


def test_the_default_framework_is_the_first() -> None:
    assert FRAMEWORKS[0].name == "libbpf"


def test_a_directory_with_a_framework_file_is_a_framework(copied: Path) -> None:
    new = shutil.copytree(copied / "libbpf", copied / "another", symlinks=True)
    toml = new / "framework.toml"
    lines = [line for line in toml.read_text().splitlines() if not line.startswith("order")]
    toml.write_text("\n".join(lines).replace('title = "libbpf"', 'title = "Another"'))
    assert load_catalog(copied)["another"].title == "Another"
    assert next(iter(load_catalog(copied))) == "libbpf"


def test_a_program_in_cookiecutter_json_is_in_the_catalog(copied: Path) -> None:
    program = (
        shutil.copytree(copied / "_shared/programs/tracepoint", copied / "_shared/programs/probe") / "program.toml"
    )
    program.write_text('title = "Probe"\nsummary = "watches"\nsection = "kprobe/x"\n')
    settings = copied / "libbpf/cookiecutter.json"
    settings.write_text(settings.read_text().replace('"program": [', '"program": ["probe", '))
    assert [program.name for program in load_catalog(copied)["libbpf"].programs][:1] == ["probe"]


BROKEN = [
    ("framework.toml", "choose =", "chose ="),
    ("framework.toml", "=", "=="),
    ("templates/needs.toml", "package =", "packet ="),
    ("templates/refused.toml", "why =", "because ="),
    ("templates/needs.toml", "=", "=="),
    ("templates/refused.toml", "=", "=="),
    ("cookiecutter.json", '"license":', '"licence":'),
    ("cookiecutter.json", ":", "::"),
    ("templates/programs/tracepoint/program.toml", "section =", "sections ="),
    ("templates/programs/tracepoint/program.toml", "=", "=="),
]


@pytest.mark.parametrize(("file", "old", "new"), BROKEN)
def test_an_invalid_file_is_named(copied: Path, file: str, old: str, new: str) -> None:
    path = copied / "libbpf" / file
    path.write_text(path.read_text().replace(old, new, 1))
    with pytest.raises(TemplateError, match=path.name):
        load_catalog(copied)


def test_a_missing_file_is_named(copied: Path) -> None:
    (copied / "libbpf/templates/programs/tracepoint/program.toml").unlink()
    with pytest.raises(TemplateError, match=r"program\.toml"):
        load_catalog(copied)


def test_kernel_names_for_completion() -> None:
    names = kernel_names()
    assert names[-2:] == ["distro", "host"]
    assert len(names) > 2
    assert all(name[0].isdigit() for name in names[:-2])
