# SPDX-License-Identifier: BSD-2-Clause
"""What is asked of whom: the guided form, each answer checked at once, and the options that say the same."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from scaffold.answers import TEXTS, FileAnswers, filled
from scaffold.catalog import Framework
from scaffold.create import Plan, Wish, completed, problems_in, reject_problems, target_of
from scaffold.errors import UsageError
from scaffold.questions import ask_framework, ask_license, ask_program, ask_text, on_terminal, tell_problem

FIRST_NAME = "hello"
TEXTS_ASKED = {"author": "Author for the copyright line", "email": "E-mail address beside it"}
ASKED = ("framework", "program", "license", *TEXTS_ASKED)


def with_framework(wish: Wish, configuration: FileAnswers, frameworks: Mapping[str, Framework], yes: bool) -> Wish:
    """Complete `wish` by the configuration, and by a framework: asked for, or with `yes` the first.

    Raises:
        BadAnswers: something else is wrong; nothing was asked then.
        KeyboardInterrupt, EOFError: the user ended the question.
    """
    wish = filled(wish, [configuration])
    if wish.framework is None and (yes or on_terminal()):
        reject_problems(wish, frameworks, but=["--framework"])
        first = next(iter(frameworks))
        if yes:
            return replace(wish, framework=first)
        wish = _asked(wish, frameworks, "framework", lambda: ask_framework(frameworks, first))
    return wish


def fill_in(
    wish: Wish, directory: Path, configuration: FileAnswers, frameworks: Mapping[str, Framework], yes: bool
) -> Wish:
    """Ask for the name and all that `wish` leaves open; what is configured is the default.

    Raises:
        UsageError: there is nobody to ask, or `yes` forbids it.
        BadAnswers: something that was given is wrong; nothing was asked then.
        KeyboardInterrupt, EOFError: the user ended the form.
    """
    if yes or not on_terminal():
        raise UsageError('NAME is missing: type "ebpf-new NAME" (on a terminal, without --yes, it is asked for)')
    later = ["NAME", *(f"--{name}" for name in ASKED if getattr(wish, name) is None)]
    reject_problems(filled(wish, [configuration]), frameworks, but=later)

    def ask(name: str, question: Callable[[str], str]) -> Wish:
        default = completed(filled(wish, [configuration]), frameworks)[name]
        return _asked(wish, frameworks, name, lambda: question(default))

    def ask_known(question: str, name: str, default: str) -> str:
        where = configuration.path if name in configuration.values else "git"
        return ask_text(f"{question}, from {where}" if default else question, default)

    if wish.framework is None:
        wish = ask("framework", partial(ask_framework, frameworks))
    wish = _named(wish, directory, frameworks)
    framework = frameworks[wish.framework or ""]
    if wish.program is None and len(framework.programs) > 1:
        wish = ask("program", partial(ask_program, framework.programs))
    if wish.license is None:
        wish = ask("license", partial(ask_license, framework.licenses))
    for name, question in TEXTS_ASKED.items():
        if getattr(wish, name) is None:
            wish = ask(name, partial(ask_known, question, name))
    return filled(wish, [configuration])


def shortest_wish(plan: Plan, configuration: FileAnswers, frameworks: Mapping[str, Framework]) -> Wish:
    """Return the wish that leads to `plan` with the fewest answers; the framework is always one of them."""
    project = plan.project
    wish = Wish(plan.target, project.framework)
    for name in TEXTS:
        answer = getattr(project, name)
        if completed(filled(wish, [configuration]), frameworks)[name].strip() != answer:
            changed: dict[str, Any] = {name: answer}
            wish = replace(wish, **changed)
    return wish if configuration.values.get("git", True) == plan.git else replace(wish, git=plan.git)


def _named(wish: Wish, directory: Path, frameworks: Mapping[str, Framework]) -> Wish:
    question = "Name of the project, and of the directory that is made for it"
    return _good("NAME", frameworks, lambda: replace(wish, target=target_of(ask_text(question, FIRST_NAME), directory)))


def _asked(wish: Wish, frameworks: Mapping[str, Framework], name: str, ask: Callable[[], str]) -> Wish:
    def changed() -> Wish:
        answer: dict[str, Any] = {name: ask()}
        return replace(wish, **answer)

    return _good(f"--{name}", frameworks, changed)


def _good(answer: str, frameworks: Mapping[str, Framework], ask: Callable[[], Wish]) -> Wish:
    """Ask until nothing is wrong with `answer`."""
    while True:
        tried = ask()
        messages = [each.message for each in problems_in(tried, frameworks) if each.answer == answer]
        if not messages:
            return tried
        for message in messages:
            tell_problem(message)
