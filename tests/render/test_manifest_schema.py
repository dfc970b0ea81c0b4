# SPDX-License-Identifier: BSD-2-Clause
"""The schema of vmtest.toml accepts the manifests of our own projects, and works on a command line."""

import json
import subprocess
import tomllib
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from scaffold.vmtest.manifest import load_manifest
from tests.manifests import FULL, PORT, as_toml, with_value
from tests.render.linters import of_python
from tests.render.trees import CATALOG, rendered

SCHEMA = Path(__file__).parents[2] / "docs" / "vmtest.schema.json"


@pytest.mark.parametrize("framework", CATALOG)
def test_schema_and_reader_accept_the_manifest_of_a_project(framework: str, tmp_path: Path) -> None:
    project = rendered(tmp_path, framework, name="hello", author="", email="")
    data = tomllib.loads((project / "test/vmtest.toml").read_text())
    assert list(Draft202012Validator(json.loads(SCHEMA.read_text())).iter_errors(data)) == []
    assert load_manifest(project).filter


def test_the_schema_works_on_a_command_line(tmp_path: Path) -> None:
    file = tmp_path / "vmtest.toml"
    command = [of_python("check-jsonschema"), "--schemafile", str(SCHEMA), str(file)]
    for data, status in ((FULL, 0), (PORT, 0), (with_value(FULL, "guest.files", ["../x"]), 1)):
        file.write_text(as_toml(data))
        assert subprocess.run(command, capture_output=True, check=False).returncode == status
