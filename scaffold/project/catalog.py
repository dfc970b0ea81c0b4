# SPDX-License-Identifier: BSD-2-Clause
"""The frameworks and their programs, read from the template directories."""

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from scaffold.doctor.needs import Need, read_need
from scaffold.errors import TemplateError
from scaffold.project.name_rules import Exclusion

DEFAULT_ORDER = 1000  # of a framework.toml without the key `order`
CONTEXT_FILE = "cookiecutter.json"


@dataclass(frozen=True)
class Program:
    """A BPF program that a project can start with."""

    name: str
    title: str
    summary: str
    section: str  # of the ELF object, such as tp/syscalls/sys_enter_write


@dataclass(frozen=True)
class ReservedNames:
    """Names that a project of a framework cannot have, and the reason."""

    names: frozenset[str]
    reason: str

    @property
    def exclusion(self) -> Exclusion:
        """The same as an exclusion of a rule for names."""
        return Exclusion("|".join(sorted(self.names)), self.reason)


@dataclass(frozen=True)
class Offline:
    """The table [offline] of framework.toml: how a sandbox without a network builds projects.

    Before the first build, the dependencies of a new project are fetched outside of the sandbox, and the project is
    built once.
    """

    root: tuple[str, ...] = ()  # command that prints the directory of the toolchain, if that can be outside of /usr
    fetch: tuple[str, ...] = ()  # command that fetches what the project's lock file lists into {store}
    variables: Mapping[str, str] = field(default_factory=dict)  # environment of a build; the store is at /store
    kept: tuple[str, ...] = ()  # paths below /box that the first build writes and later builds get
    unfetched: str = ""  # pattern of the toolchain's message about a dependency that was not fetched


@dataclass(frozen=True)
class Framework:
    """A template directory: its choices (the first one of each kind is the default) and what its projects need."""

    name: str
    title: str
    language: str
    needs: tuple[Need, ...]
    runner_needs: tuple[Need, ...]  # of the virtual machines that test its projects
    artefact: str
    choose: str  # for which projects to choose it
    shipped: str  # size of the archive of `make dist`, as measured by `make bench PART=frameworks`
    first_build: str  # duration, from the same measurement
    reserved_names: tuple[ReservedNames, ...]
    own_answers: tuple[str, ...]  # answers that not every framework has, such as the module of Go
    programs: tuple[Program, ...]
    licenses: tuple[str, ...]
    languages: tuple[str, ...]  # of the README
    description: str  # the default one
    prompts: Mapping[str, str]  # the question for each answer
    settings: Mapping[str, Any]  # cookiecutter's private variables, such as _jinja2_env_vars
    directory: Path
    offline: Offline


def templates_directory() -> Path:
    """Return the directory of the templates: inside the installed package, or beside it in a checkout."""
    package = Path(__file__).parents[1]
    installed = package / "templates"
    return installed if installed.is_dir() else package.parent / "templates"


def load_catalog(directory: Path | None = None) -> dict[str, Framework]:
    """Return the frameworks by name, the default one first, from `directory` (default: `templates_directory()`).

    Raises:
        TemplateError: a file is missing or invalid, or lacks a key.
    """
    tables = {path: _read_toml(path) for path in (directory or templates_directory()).glob("*/framework.toml")}
    ordered = sorted(tables, key=lambda path: (tables[path].get("order", DEFAULT_ORDER), path.parent.name))
    return {path.parent.name: _load_framework(path, tables[path]) for path in ordered}


def frameworks() -> list[Framework]:
    """Return the frameworks, the default one first."""
    return list(load_catalog().values())


def default_kernels() -> list[str]:
    """Return the kernels that a new project is tested on."""
    lines = (templates_directory() / "_shared" / "kernels.j2").read_text(encoding="utf-8").splitlines()
    return [line.strip() for line in lines if line.strip() and line[0] not in "#["]


def kernel_names() -> list[str]:
    """Return the default kernels and the two special names, for shell completion."""
    return [*default_kernels(), "distro", "host"]


def read_context_file(template: Path) -> dict[str, Any]:
    """Return the contents of `template`/cookiecutter.json: answers with their defaults, and private variables.

    Raises:
        TemplateError: the file cannot be read, or is not JSON.
    """
    path = template / CONTEXT_FILE
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        raise TemplateError(f"cannot read {path}: {error}") from error


def is_private_variable(key: str) -> bool:
    """Return whether `key` of a cookiecutter.json is a private variable that cookiecutter does not render.

    Source: https://cookiecutter.readthedocs.io/en/stable/advanced/private_variables.html
    """
    return key.startswith("_") and not key.startswith("__")


def _load_framework(path: Path, table: Mapping[str, Any]) -> Framework:
    directory = path.parent
    context = read_context_file(directory)
    needs = _read_toml(directory / "templates" / "needs.toml")
    reserved = _read_toml(directory / "templates" / "refused.toml")
    tree = next(directory.glob("[[]=*"), directory)  # the directory whose name is the project's name
    try:
        return Framework(
            name=directory.name,
            title=table["title"],
            language=table["language"],
            needs=tuple(read_need(name, needs[name], tree) for name in table["needs"]),
            runner_needs=tuple(read_need(name, need, tree) for name, need in needs.items() if need.get("runner")),
            artefact=table["artefact"],
            choose=table["choose"],
            shipped=table["shipped"],
            first_build=table["first_build"],
            reserved_names=tuple(_reserved_names(reserved[name]) for name in table["refuses"]),
            own_answers=tuple(table.get("own_answers", ())),
            programs=tuple(_load_program(directory, name) for name in context["program"]),
            licenses=tuple(context["license"]),
            languages=tuple(context["lang"]),
            description=context["_description"],
            prompts=context.get("__prompts__", {}),
            settings={key: value for key, value in context.items() if is_private_variable(key)},
            directory=directory,
            offline=_offline(table.get("offline", {})),
        )
    except KeyError as error:
        raise TemplateError(f"{path}, {CONTEXT_FILE}, needs.toml or refused.toml lacks the key {error}") from error


def _offline(table: Mapping[str, Any]) -> Offline:
    lists = {key: tuple(table.get(key, ())) for key in ("root", "fetch", "kept")}
    return Offline(variables=table.get("variables", {}), unfetched=table.get("unfetched", ""), **lists)


def _reserved_names(table: Mapping[str, Any]) -> ReservedNames:
    return ReservedNames(frozenset(table["names"].split()), table["why"])


def _load_program(framework: Path, name: str) -> Program:
    path = framework / "templates" / "programs" / name / "program.toml"
    table = _read_toml(path)
    try:
        return Program(name, table["title"], table["summary"], table["section"])
    except KeyError as error:
        raise TemplateError(f"{path} lacks the key {error}") from error


def _read_toml(path: Path) -> Mapping[str, Any]:
    try:
        return _parse_toml(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise TemplateError(f"cannot read {path}: {error}") from error


@cache
def _parse_toml(text: str) -> Mapping[str, Any]:
    # The frameworks share most of these files, and parsing takes longer than the rest of the catalog.
    return tomllib.loads(text)
