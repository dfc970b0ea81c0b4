# SPDX-License-Identifier: BSD-2-Clause
"""Answers that stand in files: the user's configuration, a file of --answers, the last run's.

Each is read into what it answers and what is wrong in it. A request takes from them what it leaves open, from the
first file that has it, and keeps which one that was for messages.
"""

import json
import os
import tomllib
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from scaffold.errors import Problem, UsageError
from scaffold.project.go_module import default_module
from scaffold.project.model import Project
from scaffold.project.request import ProjectRequest
from scaffold.vmtest.files import write_atomically

TEXTS = ("framework", "program", "license", "description", "author", "email", "owner", "module", "lang")
SWITCHES = ("git",)
ANSWERS = (*TEXTS, *SWITCHES)
PREFERENCES = ("framework", "license", "author", "email", "owner", "lang", "git")  # what one may want in every project
KINDS: Mapping[type, str] = {
    str: "a text",
    bool: "true or false",
    int: "a number",
    float: "a number",
    list: "an array",
    dict: "a table",
    type(None): "null",
}
OF_A_PROJECT = ("name", "year")  # what a record has besides; a new project has its own


@dataclass(frozen=True)
class FileAnswers:
    """What a file answers, and what is wrong in it."""

    values: Mapping[str, Any] = field(default_factory=dict)
    path: Path = Path()
    problems: tuple[Problem, ...] = ()


def configuration_path() -> Path:
    """Return where the user's configuration stands, whether it does or not."""
    return _user_directory("XDG_CONFIG_HOME", ".config") / "config.toml"


def last_answers_path() -> Path:
    """Return where the answers of the last run stand, whether they do or not."""
    return _user_directory("XDG_STATE_HOME", ".local/state") / "last.json"


def read_configuration() -> FileAnswers:
    """Return what the user prefers; nothing when there is no such file.

    Raises:
        UsageError: it cannot be read, or is no TOML.
    """
    path = configuration_path()
    try:
        text = _text(path)
    except (FileNotFoundError, NotADirectoryError):
        return FileAnswers()
    return _checked(_parsed(path, text), path, PREFERENCES)


def read_answers(path: Path) -> FileAnswers:
    """Return the answers in `path`: TOML, JSON, or the .ebpf-new.json of a project.

    Raises:
        UsageError: it cannot be read, or is neither.
    """
    try:
        return _of_a_new_project(_parsed(path, _text(path)), path)
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from error


def read_last_answers() -> FileAnswers:
    """Return the answers of the last run that made a project.

    Raises:
        UsageError: there is none, or its record cannot be read.
    """
    path = last_answers_path()
    try:
        return _of_a_new_project(_parsed(path, _text(path)), path)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise UsageError(f"there is no run to replay: {path} is not there; leave --replay out this time") from error


def read_answer_files(path: Path | None, replay: bool) -> list[FileAnswers]:
    """Return the files that --answers and --replay name, the first one first.

    Raises:
        UsageError: one is not there, or cannot be read.
    """
    return [*([read_answers(path)] if path else []), *([read_last_answers()] if replay else [])]


def fill_answers(request: ProjectRequest, sources: Iterable[FileAnswers]) -> ProjectRequest:
    """Return `request` with what it leaves open taken from `sources`, each from the first that has it."""
    for source in sources:
        taken = {name: value for name, value in source.values.items() if getattr(request, name) is None}
        framework = taken.get("framework", request.framework)
        if source.values.get("framework", framework) != framework:
            taken.pop("module", None)  # that of a framework which is not wanted here
        origins = {**request.origins, **{name: _place(name, source.path) for name in taken}}
        request = replace(request, **taken, origins=origins, problems=(*request.problems, *source.problems))
    return request


def save_last_answers(project: Project, git: bool) -> None:
    """Write down what `project` was made from, for --replay. A place that cannot be written to is no fault."""
    path = last_answers_path()
    record = {"answers": {**asdict(project), "git": git}}
    with suppress(OSError):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_atomically(path, json.dumps(record, indent=2) + "\n")


def _user_directory(variable: str, below_home: str) -> Path:
    # https://specifications.freedesktop.org/basedir-spec: a relative path there counts as none.
    named = os.environ.get(variable, "")
    home = os.path.expanduser("~")
    base = Path(named) if os.path.isabs(named) else Path(home if os.path.isabs(home) else "/", below_home)
    return base / "ebpf-new"


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} is not UTF-8: byte {error.start + 1} is 0x{error.object[error.start]:02x}") from error
    except (FileNotFoundError, NotADirectoryError):
        raise
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from error


def _parsed(path: Path, text: str) -> Mapping[str, Any]:
    is_json = text.lstrip().startswith("{")  # as no TOML begins
    try:
        found: Mapping[str, Any] = json.loads(text) if is_json else tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        fault = "it is nested too deeply" if isinstance(error, RecursionError) else error
        raise UsageError(f"{path} is no {'JSON' if is_json else 'TOML'}: {fault}") from error
    return found


def _of_a_new_project(found: Mapping[str, Any], path: Path) -> FileAnswers:
    """Take from the record of a project what is not its own alone; from a plain file of answers the same."""
    answers = found["answers"] if isinstance(found.get("answers"), dict) else found
    values = {name: value for name, value in answers.items() if name not in OF_A_PROJECT}
    if values.get("module") in ("", default_module(answers.get("owner", ""), answers.get("name", ""))):
        del values["module"]  # it follows the name
    return _checked(values, path, ANSWERS)


def _checked(found: Mapping[str, Any], path: Path, allowed: tuple[str, ...]) -> FileAnswers:
    values: dict[str, Any] = {}
    problems = []
    for name, value in found.items():
        message = _message(name, value, allowed)
        if message:
            problems.append(Problem(_place(name, path), message))
        else:
            values[name] = value
    return FileAnswers(values, path, tuple(problems))


def _message(name: str, value: object, allowed: tuple[str, ...]) -> str:
    if name not in allowed:
        return f"there is no such key; allowed is {' | '.join(allowed)}"
    wanted, words = (bool, "true or false") if name in SWITCHES else (str, "a text in quotes")
    found = KINDS.get(type(value), "a date or time")
    return "" if isinstance(value, wanted) else f"it is {found}; allowed is {words}"


def _place(name: str, path: Path) -> str:
    return f"{name if name.isprintable() else repr(name)} in {path}"
