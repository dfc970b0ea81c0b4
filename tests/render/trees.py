# SPDX-License-Identifier: BSD-2-Clause
"""Render projects in this process, for tests that check the rendered files."""

import os
from pathlib import Path

from scaffold.generate.render import render
from scaffold.project.catalog import load_catalog
from scaffold.project.go_module import default_module
from scaffold.project.model import Project

CATALOG = load_catalog()
COMBINATIONS = [(framework.name, program.name) for framework in CATALOG.values() for program in framework.programs]
# Directories that are copied unrendered, under the generator's licence.
UNRENDERED = tuple(f"{name}/" for name in next(iter(CATALOG.values())).settings["_copy_without_render"])
LICENSES = [(framework.name, license) for framework in CATALOG.values() for license in framework.licenses]


def project(framework: str, **answers: str) -> Project:
    """A project with `answers`, and the framework's defaults for all others."""
    chosen = CATALOG[framework]
    name = answers.get("name", "hello")
    defaults = {
        "name": name,
        "framework": framework,
        "program": chosen.programs[0].name,
        "license": chosen.licenses[0],
        "description": chosen.description,
        "author": "Ada Lovelace",
        "email": "ada@example.org",
        "owner": answers.get("owner", ""),
        "module": default_module(answers.get("owner", ""), name) if "module" in chosen.own_answers else "",
        "lang": chosen.languages[0],
        "year": "2026",
    }
    return Project.of(defaults | answers, CATALOG)


def rendered(directory: Path, framework: str, **answers: str) -> Path:
    """Render such a project below `directory`."""
    return render(project(framework, **answers), CATALOG[framework], directory)


def contents(root: Path) -> dict[str, tuple[bytes, bool]]:
    """Each file below `root`: its bytes, and whether it can be executed."""
    return {
        str(path.relative_to(root)): (path.read_bytes(), os.access(path, os.X_OK))
        for path in root.rglob("*")
        if path.is_file() and ".git" not in path.relative_to(root).parts
    }
