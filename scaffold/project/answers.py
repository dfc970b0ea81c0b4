# SPDX-License-Identifier: BSD-2-Clause
"""Answers from files: the user's configuration, a file for --answers, and the answers of the last run.

Each file is read into its valid answers and its problems. A request takes each answer that it lacks from the first
file that contains it, and remembers that file for messages.
"""

import difflib
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

TEXT_KEYS = ("framework", "program", "license", "description", "author", "email", "owner", "module", "lang")
BOOLEAN_KEYS = ("git",)
ANSWER_KEYS = (*TEXT_KEYS, *BOOLEAN_KEYS)
CONFIGURATION_KEYS = ("framework", "license", "author", "email", "owner", "lang", "git")  # not those of one project
PROJECT_KEYS = ("name", "year")  # in a project's record; a new project has its own
TYPE_NAMES: Mapping[type, str] = {
    str: "a string",
    bool: "a boolean",
    int: "a number",
    float: "a number",
    list: "an array",
    dict: "a table",
    type(None): "null",
}


@dataclass(frozen=True)
class FileAnswers:
    """The valid answers in the file `path`, and the problems of the other ones."""

    values: Mapping[str, Any] = field(default_factory=dict)
    path: Path = Path()
    problems: tuple[Problem, ...] = ()


def configuration_path() -> Path:
    """Return the path of the user's configuration; the file may be missing."""
    return _user_directory("XDG_CONFIG_HOME", ".config") / "config.toml"


def last_answers_path() -> Path:
    """Return the path of the answers of the last run; the file may be missing."""
    return _user_directory("XDG_STATE_HOME", ".local/state") / "last.json"


def read_configuration() -> FileAnswers:
    """Return the answers in the user's configuration, or no answers if there is no such file.

    Raises:
        UsageError: the file cannot be read, or is not TOML.
    """
    path = configuration_path()
    try:
        text = _read_text(path)
    except (FileNotFoundError, NotADirectoryError):
        return FileAnswers()
    return _check_answers(_parse(path, text), path, CONFIGURATION_KEYS)


def read_answer_files(path: Path | None, replay: bool) -> list[FileAnswers]:
    """Return the answers in the file of --answers and, with `replay`, those of the last run, in this order.

    Raises:
        UsageError: a file is missing or cannot be read.
    """
    return [*([read_answers(path)] if path else []), *([read_last_answers()] if replay else [])]


def read_answers(path: Path) -> FileAnswers:
    """Return the answers in `path`, which is TOML, JSON, or the .ebpf-new.json of a project.

    Raises:
        UsageError: the file cannot be read, or has another format.
    """
    try:
        return _new_project_answers(_parse(path, _read_text(path)), path)
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from error


def read_last_answers() -> FileAnswers:
    """Return the answers of the last run that created a project.

    Raises:
        UsageError: there was no such run, or its file cannot be read.
    """
    path = last_answers_path()
    try:
        return _new_project_answers(_parse(path, _read_text(path)), path)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise UsageError(f"cannot replay the last run: {path} does not exist", hint="leave --replay out") from error


def fill_answers(request: ProjectRequest, sources: Iterable[FileAnswers]) -> ProjectRequest:
    """Return `request` with each answer that it lacks from the first of `sources` that contains it."""
    for source in sources:
        added = {key: value for key, value in source.values.items() if getattr(request, key) is None}
        framework = added.get("framework", request.framework)
        if source.values.get("framework", framework) != framework:
            added.pop("module", None)  # it belongs to a project of another framework
        origins = {**request.origins, **{key: _location(key, source.path) for key in added}}
        request = replace(request, **added, origins=origins, problems=(*request.problems, *source.problems))
    return request


def save_last_answers(project: Project, git: bool) -> None:
    """Save the answers of `project` for --replay. If the file cannot be written, there is nothing to replay."""
    path = last_answers_path()
    record = {"answers": {**asdict(project), "git": git}}
    with suppress(OSError):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_atomically(path, json.dumps(record, indent=2) + "\n", mode=0o600)  # it has a name and an address


def _user_directory(variable: str, default: str) -> Path:
    # Source: https://specifications.freedesktop.org/basedir-spec, which ignores relative paths.
    configured = os.environ.get(variable, "")
    home = os.path.expanduser("~")
    parent = Path(configured) if os.path.isabs(configured) else Path(home if os.path.isabs(home) else "/", default)
    return parent / "ebpf-new"


def _read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        byte = error.object[error.start]
        raise UsageError(f"{path} is not UTF-8: byte {error.start + 1} is 0x{byte:02x}") from error
    except (FileNotFoundError, NotADirectoryError):
        raise
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from error


def _parse(path: Path, text: str) -> Mapping[str, Any]:
    is_json = text.lstrip().startswith("{")  # TOML never begins with a brace
    try:
        table: Mapping[str, Any] = json.loads(text) if is_json else tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        reason = "it is nested too deeply" if isinstance(error, RecursionError) else error
        raise UsageError(f"{path} is not valid {'JSON' if is_json else 'TOML'}: {reason}") from error
    return table


def _new_project_answers(table: Mapping[str, Any], path: Path) -> FileAnswers:
    """Return the answers in a plain file or in a project's record, without those that only that project has."""
    answers = table["answers"] if isinstance(table.get("answers"), dict) else table
    values = {key: value for key, value in answers.items() if key not in PROJECT_KEYS}
    if values.get("module") in ("", default_module(answers.get("owner", ""), answers.get("name", ""))):
        del values["module"]  # the new project has a default module of its own
    return _check_answers(values, path, ANSWER_KEYS)


def _check_answers(table: Mapping[str, Any], path: Path, allowed: tuple[str, ...]) -> FileAnswers:
    messages = {key: _invalid_message(key, value, allowed) for key, value in table.items()}
    problems = [Problem(_location(key, path), message) for key, message in messages.items() if message]
    return FileAnswers({key: table[key] for key in table if not messages[key]}, path, tuple(problems))


def _invalid_message(key: str, value: object, allowed: tuple[str, ...]) -> str:
    if key not in allowed:
        similar = difflib.get_close_matches(key, allowed, n=1)
        suggestion = f"did you mean {similar[0]}? " if similar else ""
        return f"the key is unknown: {suggestion}expected {' | '.join(allowed)}"
    expected, expected_name = (bool, "true or false") if key in BOOLEAN_KEYS else (str, "a string")
    type_name = TYPE_NAMES.get(type(value), "a date or time")
    return "" if isinstance(value, expected) else f"invalid: expected {expected_name}, got {type_name}"


def _location(key: str, path: Path) -> str:
    return f"{key if key.isprintable() else repr(key)} in {path}"
