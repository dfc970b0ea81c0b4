# SPDX-License-Identifier: BSD-2-Clause
"""Exported repositories, each set of them made once, for tests that take a copy of one."""

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
from tests.conftest import Run
from tests.render.trees import CATALOG, rendered

ANSWERS: dict[str, dict[str, Any]] = {
    "with owner": {"owner": "acme"},
    "without owner": {},
    "without author": {"author": "", "email": "", "lang": "ko"},
    # The old name, the owner and the marks of the new ones, where they are none.
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
    """The exported repository of `framework` with the answers of that kind, to be left as it is."""
    return Path(_exported(kind).name, f"{framework}-starter")


def copied(kind: str, framework: str, directory: Path) -> Path:
    """A copy of that repository in `directory`."""
    return shutil.copytree(starter(kind, framework), directory / "copy", symlinks=True)


def answers_of(repository: Path, **other: str) -> dict[str, str]:
    """The answers that the repository was made from, but for `other`; the module follows the name and owner."""
    recorded = json.loads((repository / ".ebpf-new.json").read_text())["answers"]
    return {key: value for key, value in recorded.items() if key != "module"} | other


def made_as(kind: str, framework: str, directory: Path, name: str, owner: str) -> Path:
    """What the generator makes under that name with the same answers, below `directory`."""
    other = {"name": name} | ({"owner": owner} if owner else {})
    return rendered(directory, **answers_of(starter(kind, framework), **other))


def make_rename(repository: Path, *words: str, **environment: str) -> Run:
    """Run `make rename` with these words, and return what it did."""
    command = ["make", "--no-print-directory", "-C", str(repository), "rename", *words]
    return subprocess.run(command, text=True, capture_output=True, env=os.environ | environment, check=False)


def modes(root: Path) -> dict[str, int]:
    """The mode of every file and directory below `root`, git's own left out."""
    found = (path for path in root.rglob("*") if ".git" not in path.relative_to(root).parts)
    return {str(path.relative_to(root)): path.stat().st_mode for path in found}
