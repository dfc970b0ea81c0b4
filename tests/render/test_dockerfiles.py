# SPDX-License-Identifier: BSD-2-Clause
"""Linters accept the Dockerfiles, dev containers and shell scripts of every generated repository."""

import json
import re
from pathlib import Path

import pytest

from tests.paths import ROOT
from tests.render.linters import Arguments, assert_accepts, assert_rejects, of_python
from tests.render.trees import CATALOG, rendered

SCHEMA = ROOT / "tests/schemas/devcontainer.json"
SHELL = re.compile(rb"#!.*\b(?:ba|da)?sh\b")
STAGE = re.compile(r"^FROM .* AS (\w+)$", re.MULTILINE)
# The defaults, and other answers that appear in a Dockerfile.
ANSWERS: list[dict[str, str]] = [{}, {"owner": "ada", "description": "Says \"$HOME\" \\ `id` 'x' # no", "author": ""}]


@pytest.fixture(params=CATALOG)
def repository(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A generated repository of each framework."""
    return rendered(tmp_path, request.param)


def hadolint(*files: Path) -> Arguments:
    return [of_python("hadolint"), *map(str, files)]


def shellcheck(files: list[Path]) -> Arguments:
    return ["shellcheck", *map(str, files)]


def validation(file: Path) -> Arguments:
    return [of_python("check-jsonschema"), "--schemafile", str(SCHEMA), str(file)]


def schema_check(file: Path) -> Arguments:
    return [of_python("check-jsonschema"), "--check-metaschema", str(file)]


def scripts(repository: Path) -> list[Path]:
    """Every shell script of the repository: a file that ends in .sh or begins with #! and a shell."""
    files = [path for path in repository.rglob("*") if path.is_file()]
    return [path for path in files if path.suffix == ".sh" or SHELL.match(path.read_bytes())]


def test_every_file_is_known_and_there(repository: Path) -> None:
    found = {path.name for path in repository.glob("*[Dd]ocker*")}
    assert found == {"Dockerfile", ".dockerignore"}
    assert [path.name for path in repository.glob(".devcontainer/*")] == ["devcontainer.json"]


@pytest.mark.parametrize("framework", CATALOG)
@pytest.mark.parametrize("answers", ANSWERS, ids=["defaults", "odd"])
def test_hadolint_accepts(tmp_path: Path, framework: str, answers: dict[str, str]) -> None:
    assert_accepts(hadolint(rendered(tmp_path, framework, **answers) / "Dockerfile"))


def test_hadolint_accepts_the_dockerfiles_in_tools() -> None:
    dockerfiles = sorted(ROOT.glob("tools/**/*Dockerfile"))
    assert dockerfiles
    # Not as a comment in the file, because any change of the file rebuilds the image.
    assert_accepts([*hadolint(*dockerfiles), "--ignore", "DL3008"])


@pytest.mark.parametrize(
    ("line", "message"),
    [("FROM debian", "DL3006"), ("FROM debian:trixie\nRUN apt-get update && apt-get install --yes make", "DL3008")],
)
def test_hadolint_rejects(tmp_path: Path, line: str, message: str) -> None:
    (tmp_path / "Dockerfile").write_text(f"{line}\n")
    assert_rejects(hadolint(tmp_path / "Dockerfile"), message)


def test_shellcheck_accepts(repository: Path) -> None:
    assert scripts(repository)
    assert_accepts(shellcheck(scripts(repository)))


def test_shellcheck_rejects(tmp_path: Path) -> None:
    (tmp_path / "named.sh").write_text("#!/bin/sh\necho $1\n")
    (tmp_path / "unnamed").write_text("#!/usr/bin/env bash\ncd $1\n")
    assert len(scripts(tmp_path)) == 2
    for script in scripts(tmp_path):
        assert_rejects(shellcheck([script]), "SC2086")


def test_the_dev_container_matches_the_schema(repository: Path) -> None:
    assert_accepts(validation(repository / ".devcontainer/devcontainer.json"))


def test_the_dev_container_is_a_stage_of_the_dockerfile(repository: Path) -> None:
    directory = repository / ".devcontainer"
    build = json.loads((directory / "devcontainer.json").read_text())["build"]
    assert (directory / build["context"]).resolve() == repository.resolve()
    assert build["target"] in STAGE.findall((directory / build["dockerfile"]).read_text())


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({}, "'build' is a required property"),
        ({"build": {"dockerFile": "Dockerfile"}}, "dockerFile"),
        ({"build": {"dockerfile": "Dockerfile"}, "postCreateComand": "make deps"}, "postCreateComand"),
        ({"build": {"dockerfile": "Dockerfile"}, "privileged": "yes"}, "boolean"),
        ({"build": {"dockerfile": "Dockerfile"}, "workspaceFolder": "/src"}, "workspaceMount"),
        ({"build": {"dockerfile": "Dockerfile"}, "forwardPorts": [70000]}, "70000"),
    ],
)
def test_the_schema_rejects(tmp_path: Path, settings: dict[str, object], message: str) -> None:
    (tmp_path / "devcontainer.json").write_text(json.dumps(settings))
    assert_rejects(validation(tmp_path / "devcontainer.json"), message)


def test_the_schema_is_valid(tmp_path: Path) -> None:
    assert_accepts(schema_check(SCHEMA))
    (tmp_path / "schema.json").write_text('{"type": "nonsense"}')
    assert_rejects(schema_check(tmp_path / "schema.json"), "nonsense")
