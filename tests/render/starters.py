# SPDX-License-Identifier: BSD-2-Clause
"""Exported repositories, exported once per test process. Tests change only copies of them."""

import json
import os
import shutil
import subprocess
import tempfile
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from scaffold.generate.export import export, plan_exports
from scaffold.project.request import ProjectRequest
from tests.conftest import CompletedProcess
from tests.render.trees import CATALOG, rendered

ANSWERS: dict[str, dict[str, Any]] = {
    "with owner": {"owner": "acme"},
    "without owner": {},
    "without author": {"author": "", "email": "", "lang": "ko"},
    # Author and email contain the old name, the owner and the marks, which the rename must not change there.
    "confusing": {
        "owner": "a",
        "author": "libbpf-starter_NAME cilium-starter libbpf-rs-starter",
        "email": "NEW_OWNER@eunomia-starter",
        "license": "MIT",
    },
}


@cache
def _exported(kind: str) -> tempfile.TemporaryDirectory[str]:
    directory = tempfile.TemporaryDirectory(prefix="starters-")
    request = ProjectRequest(Path(directory.name), author="Ada Lovelace", email="ada@example.org")
    export(plan_exports(request.target, replace(request, **ANSWERS[kind]), CATALOG))
    return directory


def starter(kind: str, framework: str) -> Path:
    """The exported repository of `framework` with the answers of that kind. Do not change it."""
    return Path(_exported(kind).name, f"{framework}-starter")


def copy_starter(kind: str, framework: str, directory: Path) -> Path:
    """Copy that repository into `directory`, and return the copy."""
    return shutil.copytree(starter(kind, framework), directory / "copy", symlinks=True)


def answers_of(repository: Path, **other: str) -> dict[str, str]:
    """The recorded answers without the module, which follows from name and owner, updated with `other`."""
    recorded = json.loads((repository / ".ebpf-new.json").read_text())["answers"]
    return {key: value for key, value in recorded.items() if key != "module"} | other


def render_renamed(kind: str, framework: str, directory: Path, name: str, owner: str) -> Path:
    """Render the project with the same answers but this name and owner, in `directory`."""
    other = {"name": name} | ({"owner": owner} if owner else {})
    return rendered(directory, **answers_of(starter(kind, framework), **other))


def make_rename(repository: Path, *arguments: str, **environment: str) -> CompletedProcess:
    """Run `make rename` with these arguments, and return the finished process."""
    command = ["make", "--no-print-directory", "-C", str(repository), "rename", *arguments]
    return subprocess.run(command, text=True, capture_output=True, env=os.environ | environment, check=False)


def modes(root: Path) -> dict[str, int]:
    """The mode of every file and directory below `root`, without those of git."""
    paths = (path for path in root.rglob("*") if ".git" not in path.relative_to(root).parts)
    return {str(path.relative_to(root)): path.stat().st_mode for path in paths}
