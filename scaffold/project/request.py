# SPDX-License-Identifier: BSD-2-Clause
"""What the user asks for: answers that may be missing, and the defaults for them."""

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from scaffold.errors import Problem
from scaffold.project.catalog import Framework
from scaffold.project.git import GitSettings, read_git_settings
from scaffold.project.go_module import default_module
from scaffold.project.model import text_problem


@dataclass(frozen=True)
class TargetLabel:
    """How messages about a target name the argument that it comes from, and what the user can give instead."""

    argument: str
    alternative: str
    alternative_parent: str


NAME_LABEL = TargetLabel("NAME", "another name", "another directory with --output-dir")
DIR_LABEL = TargetLabel("DIR", "another DIR", "another DIR")


@dataclass(frozen=True)
class ProjectRequest:
    """What the user asked for. An answer that is None takes its default."""

    target: Path  # absolute; its last part is the project's name
    framework: str | None = None
    program: str | None = None
    license: str | None = None
    description: str | None = None
    author: str | None = None
    email: str | None = None
    owner: str | None = None
    module: str | None = None
    git: bool | None = None
    lang: str | None = None
    label: TargetLabel = NAME_LABEL
    origins: Mapping[str, str] = field(default_factory=dict)  # the key and the file of each answer from a file
    problems: tuple[Problem, ...] = ()  # of these files


def target_path(name: str, directory: Path) -> Path:
    """Return the absolute path of the project `name`, which may be a path relative to `directory`.

    The last part of `name` remains the last part of the path, even if it is "..", so that its check can report it.
    """
    parent, _, last = name.rstrip("/").rpartition("/")
    parent = os.path.abspath(directory / ("/" if name.startswith("/") and not parent else parent))
    return Path(parent, last)


def complete_answers(
    request: ProjectRequest, frameworks: Mapping[str, Framework], settings: GitSettings
) -> dict[str, str]:
    """Return all answers, one for each field of `Project`: those of `request`, and defaults; checks nothing."""
    framework = frameworks.get(request.framework or "") or next(iter(frameworks.values()))
    seconds = int(os.environ.get("SOURCE_DATE_EPOCH") or time.time())
    name, owner = request.target.name, request.owner or ""
    defaults = {
        "framework": "",
        "program": framework.programs[0].name,
        "license": framework.licenses[0],
        "description": framework.description,
        "author": settings.name,
        "email": settings.email,
        "owner": "",
        "module": default_module(owner, name) if "module" in framework.own_answers else "",
        "lang": framework.languages[0],
    }
    given = {key: answer for key in defaults if (answer := getattr(request, key)) is not None}
    return {"name": name, **defaults, **given, "year": time.strftime("%Y", time.gmtime(seconds))}


def read_valid_git_settings(directory: Path) -> GitSettings:
    """Return the git settings that apply in `directory`; "" for a name or address that is not a valid answer."""
    settings = read_git_settings(directory)
    name, email = ("" if text_problem("", text) else text for text in (settings.name, settings.email))
    return GitSettings(name, email, settings.branch)
