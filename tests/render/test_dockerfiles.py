# SPDX-License-Identifier: BSD-2-Clause
"""Dockerfiles, dev containers and shell scripts of every generated repository, against their linters."""

import json
import re
from pathlib import Path

import pytest

from tests.paths import ROOT
from tests.render.linters import Arguments, accepted, of_python, refused
from tests.render.trees import CATALOG, rendered

SCHEMA = ROOT / "tests/schemas/devcontainer.json"
SHELL = re.compile(rb"#!.*\b(?:ba|da)?sh\b")
STAGE = re.compile(r"^FROM .* AS (\w+)$", re.MULTILINE)
# What may differ from the defaults and stands in a Dockerfile.
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
    """Every shell script of the repository, by its name or its first line."""
    files = [path for path in repository.rglob("*") if path.is_file()]
    return [path for path in files if path.suffix == ".sh" or SHELL.match(path.read_bytes())]


def test_every_file_is_known_and_there(repository: Path) -> None:
    found = {path.name for path in repository.glob("*[Dd]ocker*")}
    assert found == {"Dockerfile", ".dockerignore"}
    assert [path.name for path in repository.glob(".devcontainer/*")] == ["devcontainer.json"]


@pytest.mark.parametrize("framework", CATALOG)
@pytest.mark.parametrize("answers", ANSWERS, ids=["defaults", "odd"])
def test_hadolint_finds_nothing(tmp_path: Path, framework: str, answers: dict[str, str]) -> None:
    accepted(hadolint(rendered(tmp_path, framework, **answers) / "Dockerfile"))


def test_hadolint_finds_nothing_in_our_own() -> None:
    own = sorted(ROOT.glob("tools/**/*Dockerfile"))
    assert own
    # A comment in the file would do too, but what is built from it is built anew after every change of it.
    accepted([*hadolint(*own), "--ignore", "DL3008"])


@pytest.mark.parametrize(
    ("line", "told"),
    [("FROM debian", "DL3006"), ("FROM debian:trixie\nRUN apt-get update && apt-get install --yes make", "DL3008")],
)
def test_hadolint_refuses(tmp_path: Path, line: str, told: str) -> None:
    (tmp_path / "Dockerfile").write_text(f"{line}\n")
    refused(hadolint(tmp_path / "Dockerfile"), told)


def test_shellcheck_finds_nothing(repository: Path) -> None:
    assert scripts(repository)
    accepted(shellcheck(scripts(repository)))


def test_shellcheck_refuses(tmp_path: Path) -> None:
    (tmp_path / "named.sh").write_text("#!/bin/sh\necho $1\n")
    (tmp_path / "unnamed").write_text("#!/usr/bin/env bash\ncd $1\n")
    assert len(scripts(tmp_path)) == 2
    for script in scripts(tmp_path):
        refused(shellcheck([script]), "SC2086")


def test_the_dev_container_fits_the_schema(repository: Path) -> None:
    accepted(validation(repository / ".devcontainer/devcontainer.json"))


def test_the_dev_container_is_a_stage_of_the_dockerfile(repository: Path) -> None:
    place = repository / ".devcontainer"
    build = json.loads((place / "devcontainer.json").read_text())["build"]
    assert (place / build["context"]).resolve() == repository.resolve()
    assert build["target"] in STAGE.findall((place / build["dockerfile"]).read_text())


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({}, "'build' is a required property"),
        ({"build": {"dockerFile": "Dockerfile"}}, "dockerFile"),
        ({"build": {"dockerfile": "Dockerfile"}, "postCreateComand": "make deps"}, "postCreateComand"),
        ({"build": {"dockerfile": "Dockerfile"}, "privileged": "yes"}, "boolean"),
        ({"build": {"dockerfile": "Dockerfile"}, "workspaceFolder": "/src"}, "workspaceMount"),
        ({"build": {"dockerfile": "Dockerfile"}, "forwardPorts": [70000]}, "70000"),
    ],
)
def test_the_schema_refuses(tmp_path: Path, settings: dict[str, object], told: str) -> None:
    (tmp_path / "devcontainer.json").write_text(json.dumps(settings))
    refused(validation(tmp_path / "devcontainer.json"), told)


def test_the_schema_is_one(tmp_path: Path) -> None:
    accepted(schema_check(SCHEMA))
    (tmp_path / "schema.json").write_text('{"type": "nonsense"}')
    refused(schema_check(tmp_path / "schema.json"), "nonsense")
