# SPDX-License-Identifier: BSD-2-Clause
"""The frameworks and programs on offer, as the templates themselves describe them."""

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scaffold.doctor.needs import Need, read_need
from scaffold.errors import TemplateError

UNORDERED = 1000
QUESTIONS = "cookiecutter.json"


@dataclass(frozen=True)
class Program:
    """A BPF program to start from."""

    name: str
    title: str
    summary: str
    section: str


@dataclass(frozen=True)
class Refusal:
    """Names that a project of a framework cannot have, and why."""

    names: frozenset[str]
    why: str
    any_case: bool = False

    def covers(self, name: str) -> bool:
        """Tell whether `name` is one of them."""
        return (name.lower() if self.any_case else name) in self.names


@dataclass(frozen=True)
class Offline:
    """How projects are built where there is no network (scaffold/sandbox), after one fresh project was."""

    root: tuple[str, ...] = ()  # prints the directory of the toolchain, where that may be another than /usr
    fetch: tuple[str, ...] = ()  # called in the project, gets all that its lock file names into {store}
    variables: Mapping[str, str] = field(default_factory=dict)  # of builds; what was fetched is in /store
    kept: tuple[str, ...] = ()  # what that project's build leaves for others', below /box
    unfetched: str = ""  # a pattern for what the toolchain says of a dependency that was not fetched


@dataclass(frozen=True)
class Framework:
    """A template: what it offers (the first of each kind is the default) and what it needs."""

    name: str
    title: str
    language: str
    needs: tuple[Need, ...]
    runner_needs: tuple[Need, ...]  # of the guests that its projects are tested in
    artefact: str
    choose: str
    shipped: str  # how large the archive of `make dist` is, as measured by `make bench PART=frameworks`
    first_build: str  # how long, measured there too
    refused: tuple[Refusal, ...]
    own_answers: tuple[str, ...]  # answers that only this framework asks for, such as the module of Go
    programs: tuple[Program, ...]
    licenses: tuple[str, ...]
    languages: tuple[str, ...]  # of the README
    description: str  # the default one
    prompts: Mapping[str, str]  # what each answer is, in words
    settings: Mapping[str, Any]  # cookiecutter's private keys, such as _jinja2_env_vars
    directory: Path
    offline: Offline


def templates_directory() -> Path:
    """Return where the templates are: inside the installed package, or beside it in a checkout."""
    package = Path(__file__).parents[1]
    installed = package / "templates"
    return installed if installed.is_dir() else package.parent / "templates"


def load_catalog(directory: Path | None = None) -> dict[str, Framework]:
    """Read every framework below `directory` (default: the own templates), by name, default first.

    Raises:
        TemplateError: a file is missing, cannot be parsed, or lacks a key.
    """
    found = (directory or templates_directory()).glob("*/framework.toml")
    ordered = sorted((_read_toml(path).get("order", UNORDERED), path.parent.name, path) for path in found)
    return {name: _load_framework(path) for _, name, path in ordered}


def frameworks() -> list[Framework]:
    """Return the frameworks on offer, the default first."""
    return list(load_catalog().values())


def default_kernels() -> list[str]:
    """Return the kernels that every project is tested on by default."""
    lines = (templates_directory() / "_shared" / "kernels.j2").read_text(encoding="utf-8").splitlines()
    return [line.strip() for line in lines if line.strip() and line[0] not in "#["]


def kernel_names() -> list[str]:
    """Return the default kernels, and the two special names."""
    return [*default_kernels(), "distro", "host"]


def read_questions(template: Path) -> dict[str, Any]:
    """Return what the template in this directory asks for, with the defaults, and its private keys, which begin with _.

    Raises:
        TemplateError: that cannot be read.
    """
    path = template / QUESTIONS
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        raise TemplateError(f"{path}: {error}") from error


def is_setting(key: str) -> bool:
    """Tell whether a private key is one that templates are rendered with."""
    return key[0] == "_" and key[1] != "_"


def _load_framework(path: Path) -> Framework:
    words = _read_toml(path)
    cookiecutter = path.with_name(QUESTIONS)
    keys = read_questions(path.parent)
    tables = _read_toml(path.parent / "templates" / "needs.toml")
    tree = next(path.parent.glob("[[]=*"), path.parent)  # what the user gets, named after the project
    refusals = _read_toml(path.parent / "templates" / "refused.toml")
    try:
        return Framework(
            name=path.parent.name,
            title=words["title"],
            language=words["language"],
            needs=tuple(read_need(name, tables[name], tree) for name in words["needs"]),
            runner_needs=tuple(read_need(name, table, tree) for name, table in tables.items() if table.get("runner")),
            artefact=words["artefact"],
            choose=words["choose"],
            shipped=words["shipped"],
            first_build=words["first_build"],
            refused=tuple(_refusal(refusals[name]) for name in words["refuses"]),
            own_answers=tuple(words.get("own_answers", ())),
            programs=tuple(_load_program(path.parent, name) for name in keys["program"]),
            licenses=tuple(keys["license"]),
            languages=tuple(keys["lang"]),
            description=keys["_description"],
            prompts=keys.get("__prompts__", {}),
            settings={key: value for key, value in keys.items() if is_setting(key)},
            directory=path.parent,
            offline=_offline(words.get("offline", {})),
        )
    except KeyError as error:
        raise TemplateError(f"{path}, {cookiecutter.name}, needs.toml or refused.toml lacks the key {error}") from error


def _offline(table: Mapping[str, Any]) -> Offline:
    words = {key: tuple(table.get(key, ())) for key in ("root", "fetch", "kept")}
    return Offline(variables=table.get("variables", {}), unfetched=table.get("unfetched", ""), **words)


def _refusal(table: Mapping[str, Any]) -> Refusal:
    return Refusal(frozenset(table["names"].split()), table["why"], table.get("any_case", False))


def _load_program(framework: Path, name: str) -> Program:
    path = framework / "templates" / "programs" / name / "program.toml"
    words = _read_toml(path)
    try:
        return Program(name, words["title"], words["summary"], words["section"])
    except KeyError as error:
        raise TemplateError(f"{path} lacks the key {error}") from error


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise TemplateError(f"{path}: {error}") from error
