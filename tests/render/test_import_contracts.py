# SPDX-License-Identifier: BSD-2-Clause
"""Every import contract fails when a module breaks it."""

import re
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any

from tests.paths import ROOT
from tests.render.linters import of_python


def contracts() -> list[dict[str, Any]]:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    return list(settings["tool"]["importlinter"]["contracts"])


def add_import(root: Path, module: str, imported: str) -> None:
    """Let `module` in the copy at `root` import `imported`."""
    path = root.joinpath(*module.split("."))
    path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    path.write_text(f"{path.read_text()}\nimport {imported}\n")


def test_a_broken_rule_breaks_each_contract(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "scaffold", tmp_path / "scaffold", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for contract in contracts():
        if contract["type"] == "forbidden":
            add_import(tmp_path, contract["source_modules"][0], contract["forbidden_modules"][0])
    add_import(tmp_path, "scaffold.vmtest.files", "scaffold.cli.app")  # upwards, which is a cycle, too
    done = subprocess.run([of_python("lint-imports"), "--no-cache"], cwd=tmp_path, capture_output=True, text=True)
    broken = re.findall(r"^(.+) BROKEN", done.stdout, re.MULTILINE)
    assert done.returncode != 0
    assert sorted(broken) == sorted(contract["name"] for contract in contracts())
