# SPDX-License-Identifier: BSD-2-Clause
"""The answers that a project is generated from, and the checks of every answer."""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Self

from scaffold.errors import InvalidAnswersError, Problem
from scaffold.project.catalog import Framework
from scaffold.project.go_module import (
    ELEMENT_EXCLUSIONS,
    LAST_ELEMENT_EXCLUSIONS,
    default_module,
    module_path_problem,
)
from scaffold.project.name_rules import OWNER, PROJECT_NAME, NameRule, exclusion_reason

EXPECTED_TEXT = "one line without tabs, line breaks and other control characters"
INVALID_CATEGORIES = {
    "Cc": "control character",
    "Cs": "byte that is not UTF-8",  # Python reads it as half of a surrogate pair
    "Zl": "line separator",
    "Zp": "paragraph separator",
}
NONCHARACTERS = "\ufffe\uffff"  # YAML cannot contain them, not even escaped


@dataclass(frozen=True)
class Project:
    """A valid set of answers; `Project.of` creates it."""

    name: str
    framework: str
    program: str
    license: str
    description: str
    author: str
    email: str
    owner: str
    module: str  # the path of the Go module; "" for frameworks without one
    lang: str  # the language of the README
    year: str

    @classmethod
    def of(cls, answers: Mapping[str, str], frameworks: Mapping[str, Framework]) -> Self:
        """Check `answers`, one for each field, and return the project.

        Raises:
            InvalidAnswersError: answers are invalid; the error contains every problem.
        """
        problems = find_problems(answers, frameworks)
        if problems:
            raise InvalidAnswersError(problems)
        return cls(**{field: answers[field].strip() for field in cls.__dataclass_fields__})

    def answers(self) -> dict[str, str]:
        """Return the answers by the names that the templates use."""
        return asdict(self)

    def renamed(self, name: str, owner: str) -> Self:
        """Return the project with another name, another owner, and the default module for them; checks nothing."""
        return replace(self, name=name, owner=owner, module=default_module(owner, name) if self.module else "")


def find_problems(answers: Mapping[str, str], frameworks: Mapping[str, Framework]) -> list[Problem]:
    """Return every problem in `answers`, which has one for each field of `Project`.

    The chosen framework decides which choices are valid; if it is unknown, the choices of all frameworks are valid.
    """
    chosen = frameworks.get(answers["framework"])
    candidates = [chosen] if chosen else list(frameworks.values())
    programs = unique(program.name for framework in candidates for program in framework.programs)
    licenses = unique(license for framework in candidates for license in framework.licenses)
    languages = unique(language for framework in candidates for language in framework.languages)
    name_problem, owner_problem = _name_problem(answers["name"], chosen), _owner_problem(answers["owner"])
    # The default module consists of the name and the owner, so it would repeat their problems.
    is_default = answers["module"] == default_module(answers["owner"], answers["name"])
    repeats = is_default and bool(name_problem or owner_problem)
    problems = (
        name_problem,
        _choice_problem("--framework", answers["framework"], list(frameworks)),
        _choice_problem("--program", answers["program"], programs),
        _choice_problem("--license", answers["license"], licenses),
        *(text_problem(f"--{answer}", answers[answer]) for answer in ("description", "author", "email")),
        owner_problem,
        None if repeats else _module_problem(answers["module"], chosen),
        _choice_problem("--lang", answers["lang"], languages),
    )
    return [problem for problem in problems if problem]


def rename_rules(framework: Framework) -> tuple[NameRule, NameRule]:
    """Return the rules for the name and for the owner of a project whose module path is always the default one."""
    name, owner = _name_rule(framework), OWNER
    if "module" in framework.own_answers:
        exclusions = (*name.exclusions, *ELEMENT_EXCLUSIONS, *LAST_ELEMENT_EXCLUSIONS)
        return replace(name, exclusions=exclusions), replace(owner, exclusions=ELEMENT_EXCLUSIONS)
    return name, owner


def unique(values: Iterable[str]) -> list[str]:
    """Return `values` in their order, without duplicates."""
    return list(dict.fromkeys(values))


def text_problem(answer: str, text: str) -> Problem | None:
    """Return the reason why `text` is not one line of text, or None if it is; `answer` names it in the message."""
    for character in text.strip():
        kind = INVALID_CATEGORIES.get(unicodedata.category(character))
        if kind or character in NONCHARACTERS:
            defect = f"it contains a {kind or 'noncharacter'} (U+{ord(character):04X})"
            return Problem(answer, f"{text!r} is invalid: {defect}; expected {EXPECTED_TEXT}")
    return None


def _name_rule(framework: Framework) -> NameRule:
    exclusions = tuple(reserved.exclusion for reserved in framework.reserved_names)
    return replace(PROJECT_NAME, noun=f"name of a {framework.title} project", exclusions=exclusions)


def _name_problem(name: str, framework: Framework | None) -> Problem | None:
    rule = _name_rule(framework) if framework else PROJECT_NAME
    if not rule.matches(name):
        return Problem("NAME", f"{name!r} is invalid: it {_name_defects(name)}; expected {rule.expected}")
    if reason := exclusion_reason(name, rule.exclusions):
        return Problem("NAME", f"{name!r} cannot be the {rule.noun}: {reason}", f"use another name, such as my-{name}")
    return None


def _name_defects(name: str) -> str:
    if not name:
        return "is empty"
    defects = []
    if name[0] in "0123456789-_":
        defects.append(f"begins with {name[0]!r}")
    invalid = unique(character for character in name if not re.fullmatch(PROJECT_NAME.pattern, f"a{character}"))
    if invalid:
        shown = ("a space" if character == " " else repr(character) for character in invalid)
        defects.append(f"contains {', '.join(shown)}")
    if len(name) > PROJECT_NAME.max_length:
        defects.append(f"has {len(name)} characters")
    return " and ".join(defects)


def _owner_problem(owner: str) -> Problem | None:
    if not owner or OWNER.matches(owner):
        return None
    return Problem("--owner", f"{owner!r} is invalid as a {OWNER.noun}: expected {OWNER.expected}")


def _module_problem(module: str, framework: Framework | None) -> Problem | None:
    if framework and "module" not in framework.own_answers:
        if not module:
            return None
        return Problem("--module", f"{framework.title} projects have no Go module", "leave it out")
    return module_path_problem(module) if module or framework else None


def _choice_problem(answer: str, choice: str, choices: list[str]) -> Problem | None:
    if choice in choices:
        return None
    expected = f"expected {' | '.join(choices)}"
    if choice:
        return Problem(answer, f"{choice!r} is unknown: {expected}")
    hint = f"add {answer} {choices[0]} or another choice, or start ebpf-new in a terminal, where it asks"
    return Problem(answer, f"missing: {expected}", hint)
