# SPDX-License-Identifier: BSD-2-Clause
"""The answers that a repository is made from, and every message about a bad one."""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Self

from scaffold.errors import InvalidAnswersError, Problem
from scaffold.project.catalog import Framework
from scaffold.project.go_module import default_module, module_path_message

NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]*", re.ASCII)
LONGEST_NAME = 50
NAME_RULE = f"a letter, then letters, digits, _ or -, {LONGEST_NAME} characters at most"
OWNER = re.compile(r"[A-Za-z0-9]+(-[A-Za-z0-9]+)*", re.ASCII)
LONGEST_OWNER = 39
OWNER_RULE = f"letters and digits, with single - between them, {LONGEST_OWNER} characters at most"
TEXT_RULE = "one line of any characters, without tabs, line breaks and other control characters"

# Control characters, halves of surrogate pairs (bytes that were no UTF-8), line and paragraph separators.
NOT_IN_A_LINE = {
    "Cc": "control character",
    "Cs": "byte that is not UTF-8",
    "Zl": "line separator",
    "Zp": "paragraph separator",
}
NONCHARACTERS = "\ufffe\uffff"  # YAML cannot hold them, not even escaped


@dataclass(frozen=True)
class Project:
    """One checked set of answers; make it with `Project.of`."""

    name: str
    framework: str
    program: str
    license: str
    description: str
    author: str
    email: str
    owner: str
    module: str  # of Go; the other frameworks make no use of it
    lang: str  # of the README
    year: str

    @classmethod
    def of(cls, answers: Mapping[str, str], frameworks: Mapping[str, Framework]) -> Self:
        """Check `answers`, one for each field.

        Raises:
            InvalidAnswersError: with every problem in them.
        """
        problems = find_problems(answers, frameworks)
        if problems:
            raise InvalidAnswersError(problems)
        return cls(**{field: answers[field].strip() for field in cls.__dataclass_fields__})

    def answers(self) -> dict[str, str]:
        """Return the answers as the templates name them."""
        return asdict(self)


def find_problems(answers: Mapping[str, str], frameworks: Mapping[str, Framework]) -> list[Problem]:
    """Return all that is wrong with `answers`; an empty list when nothing is.

    What a framework allows is judged by the one chosen, or by all together when that is unknown.
    """
    chosen = frameworks.get(answers["framework"])
    judges = [chosen] if chosen else list(frameworks.values())
    programs = unique(program.name for judge in judges for program in judge.programs)
    licenses = unique(name for judge in judges for name in judge.licenses)
    languages = unique(name for judge in judges for name in judge.languages)
    name_message, owner_message = _name_message(answers["name"], chosen), _owner_message(answers["owner"])
    # By default the module is made of these two: their fault is told once.
    default = default_module(answers["owner"], answers["name"])
    follows_fault = bool(name_message or owner_message) and answers["module"] == default
    messages = {
        "NAME": name_message,
        "--framework": _choice_message(answers["framework"], list(frameworks)),
        "--program": _choice_message(answers["program"], programs),
        "--license": _choice_message(answers["license"], licenses),
        "--description": text_message(answers["description"]),
        "--author": text_message(answers["author"]),
        "--email": text_message(answers["email"]),
        "--owner": owner_message,
        "--module": "" if follows_fault else _module_message(answers["module"], chosen),
        "--lang": _choice_message(answers["lang"], languages),
    }
    return [Problem(answer, message) for answer, message in messages.items() if message]


def unique(values: Iterable[str]) -> list[str]:
    """Return `values` in their order, each once."""
    return list(dict.fromkeys(values))


def text_message(text: str) -> str:
    """Return what keeps `text` from being one line of text; "" if nothing does."""
    for character in text.strip():
        kind = NOT_IN_A_LINE.get(unicodedata.category(character))
        if kind or character in NONCHARACTERS:
            code = f"U+{ord(character):04X}"
            return f"{text!r} has a {kind or 'noncharacter'} ({code}); allowed is {TEXT_RULE}"
    return ""


def _name_message(name: str, framework: Framework | None) -> str:
    if not name:
        return f"the name is empty; allowed is {NAME_RULE}"
    if not NAME.fullmatch(name) or len(name) > LONGEST_NAME:
        return f"{name!r} {_fault(name)}; allowed is {NAME_RULE}"
    refusals = [refusal for refusal in framework.refused if refusal.covers(name)] if framework else []
    if framework and refusals:
        return f"{name!r} cannot be the name of a {framework.title} project: {refusals[0].why}; {'my-' + name!r} can"
    return ""


def _owner_message(owner: str) -> str:
    if not owner or (OWNER.fullmatch(owner) and len(owner) <= LONGEST_OWNER):
        return ""
    return f"{owner!r} is no user or organisation on GitHub; allowed is {OWNER_RULE}"


def _module_message(module: str, framework: Framework | None) -> str:
    if framework and "module" not in framework.own_answers:
        return f"{framework.title} projects have no Go module: leave it out" if module else ""
    return module_path_message(module) if module or framework else ""


def _fault(name: str) -> str:
    faults = []
    if name[0] in "0123456789-_":
        faults.append(f"begins with {name[0]!r}")
    strange = unique(character for character in name if not NAME.fullmatch("a" + character))
    if strange:
        faults.append("has " + ", ".join("a space" if character == " " else repr(character) for character in strange))
    if len(name) > LONGEST_NAME:
        faults.append(f"has {len(name)} characters")
    return " and ".join(faults)


def _choice_message(choice: str, choices: list[str]) -> str:
    if choice in choices:
        return ""
    said = f"there is no {choice!r}" if choice else "it is missing, and there is no terminal to ask on"
    return f"{said}; allowed is {' | '.join(choices)}"
