# SPDX-License-Identifier: BSD-2-Clause
"""What the user asks for: answers that may be missing, and the defaults that complete them."""

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from scaffold.errors import Problem
from scaffold.project.catalog import Framework
from scaffold.project.git import GitSettings
from scaffold.project.go_module import default_module
from scaffold.project.model import text_message


@dataclass(frozen=True)
class TargetLabel:
    """How messages name the argument that a target comes from, and the ways to have another one."""

    argument: str
    another: str
    elsewhere: str


BY_NAME = TargetLabel("NAME", "another name", "another place with --output-dir")
BY_DIRECTORY = TargetLabel("DIR", "another DIR", "another DIR")


@dataclass(frozen=True)
class ProjectRequest:
    """What the user asked for. None is an answer that was not given and takes its default."""

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
    label: TargetLabel = BY_NAME  # where the target comes from
    origins: Mapping[str, str] = field(default_factory=dict)  # what messages call an answer that no option gave
    problems: tuple[Problem, ...] = ()  # what is wrong in the files that answers came from


def target_path(name: str, directory: Path) -> Path:
    """Return the absolute path of the project `name`, which may be a path, in `directory`.

    The last part of `name` stays the last part of the path, so that a bad one can be reported.
    """
    parent, _, last = name.rstrip("/").rpartition("/")
    parent = os.path.abspath(directory / ("/" if name.startswith("/") and not parent else parent))
    return Path(parent, last)


def complete_answers(
    request: ProjectRequest, frameworks: Mapping[str, Framework], settings: GitSettings
) -> dict[str, str]:
    """Return the answers in `request`, unchecked, with defaults for those that were not given."""
    framework = frameworks.get(request.framework or "") or next(iter(frameworks.values()))
    moment = int(os.environ.get("SOURCE_DATE_EPOCH") or time.time())

    def given(answer: str | None, default: str) -> str:
        return default if answer is None else answer

    owner = given(request.owner, "")
    has_module = "module" in framework.own_answers
    return {
        "name": request.target.name,
        "framework": given(request.framework, ""),
        "program": given(request.program, framework.programs[0].name),
        "license": given(request.license, framework.licenses[0]),
        "description": given(request.description, framework.description),
        "author": given(request.author, settings.name),
        "email": given(request.email, settings.email),
        "owner": owner,
        "module": given(request.module, default_module(owner, request.target.name) if has_module else ""),
        "lang": given(request.lang, framework.languages[0]),
        "year": time.strftime("%Y", time.gmtime(moment)),
    }


def usable_settings(settings: GitSettings) -> GitSettings:
    """Return what of `settings` can be an answer: where the configured is bad, do without, since nobody answered it."""
    name, email = ("" if text_message(text) else text for text in (settings.name, settings.email))
    return GitSettings(name, email, settings.branch)
