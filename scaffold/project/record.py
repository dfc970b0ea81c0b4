# SPDX-License-Identifier: BSD-2-Clause
"""The record in every generated repository, .ebpf-new.json: the templates and answers that it was generated from."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packaging.version import InvalidVersion, Version

from scaffold.errors import UsageError

RECORD = ".ebpf-new.json"
MAX_RECORD_BYTES = 64 << 10
RESTORE_HINT = "restore it from an older commit"


@dataclass(frozen=True)
class Record:
    """The framework and version of the templates, and the answers, of the last generation or update."""

    framework: str
    version: Version
    answers: Mapping[str, str]


def parse_record(text: bytes, where: str) -> Record:
    """Return the record in `text`; `where` names its file in messages.

    Raises:
        UsageError: `text` is not a record that the generator writes.
    """
    try:
        table = json.loads(text)
        framework, version = table["template"]["framework"], Version(table["template"]["version"])
        answers = dict(table["answers"])
    except (KeyError, TypeError, ValueError, InvalidVersion) as error:
        raise UsageError(f"{where} is damaged: {error!r}", hint=RESTORE_HINT) from error
    invalid = [key for key, value in [*answers.items(), ("framework", framework)] if not isinstance(value, str)]
    if invalid or "name" not in answers:
        raise UsageError(f"{where} is damaged: {', '.join(invalid) or 'name'} must be a string", hint=RESTORE_HINT)
    return Record(framework, version, answers)


def parse_recorded_answers(text: str | bytes) -> dict[str, Any]:
    """Return the answers in the record `text`, unchecked; {} if it contains none.

    This is for records that a user may have edited, or that somebody else wrote.
    """
    try:
        answers = json.loads(text)["answers"]
    except (ValueError, LookupError, TypeError, RecursionError):
        return {}
    return answers if isinstance(answers, dict) else {}


def read_recorded_answers(project: Path) -> dict[str, Any]:
    """Return the answers that the project in the directory `project` was generated from; {} if it has no record."""
    path = project / RECORD
    try:
        if not path.is_file():
            return {}
        with path.open("rb") as file:
            return parse_recorded_answers(file.read(MAX_RECORD_BYTES))
    except OSError:
        return {}
