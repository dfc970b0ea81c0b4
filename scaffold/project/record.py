# SPDX-License-Identifier: BSD-2-Clause
"""What a repository says of how it was made: .ebpf-new.json."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from packaging.version import InvalidVersion, Version

from scaffold.errors import UsageError

RECORD = ".ebpf-new.json"


@dataclass(frozen=True)
class Record:
    """The framework and version of the templates, and the answers, as they were when the project was made."""

    framework: str
    version: Version
    answers: Mapping[str, str]


def parse_record(text: bytes, where: str) -> Record:
    """Return what the record `text` says; `where` names it in messages.

    Raises:
        UsageError: it is not what the generator writes.
    """
    broken = f"{where} is damaged; take it back from an older commit, or mend it"
    try:
        words = json.loads(text)
        framework, version = words["template"]["framework"], Version(words["template"]["version"])
        answers = dict(words["answers"])
    except (KeyError, TypeError, ValueError, InvalidVersion) as error:
        raise UsageError(f"{broken}: {error!r}") from error
    strange = [key for key, value in [*answers.items(), ("framework", framework)] if not isinstance(value, str)]
    if strange or "name" not in answers:
        raise UsageError(f"{broken}: {', '.join(strange) or 'name'} must be a text")
    return Record(framework, version, answers)
