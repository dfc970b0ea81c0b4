# SPDX-License-Identifier: BSD-2-Clause
"""What is asked of whom: the guided form, each answer checked at once, and the options that say the same."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from scaffold.cli.prompts import ask_framework, ask_license, ask_program, ask_text, on_terminal, tell_problem
from scaffold.errors import UsageError
from scaffold.generate.create import ProjectPlan, answers_with_defaults, check_request, find_request_problems
from scaffold.project.answers import TEXT_KEYS, FileAnswers, fill_answers
from scaffold.project.catalog import Framework
from scaffold.project.request import ProjectRequest, target_path

FIRST_NAME = "hello"
TEXTS_ASKED = {"author": "Author for the copyright line", "email": "E-mail address beside it"}
ASKED = ("framework", "program", "license", *TEXTS_ASKED)


def with_framework(
    request: ProjectRequest, configuration: FileAnswers, frameworks: Mapping[str, Framework], yes: bool
) -> ProjectRequest:
    """Complete `request` by the configuration, and by a framework: asked for, or with `yes` the first.

    Raises:
        BadAnswers: something else is wrong; nothing was asked then.
        KeyboardInterrupt, EOFError: the user ended the question.
    """
    request = fill_answers(request, [configuration])
    if request.framework is None and (yes or on_terminal()):
        check_request(request, frameworks, except_for=["--framework"])
        first = next(iter(frameworks))
        if yes:
            return replace(request, framework=first)
        request = _asked(request, frameworks, "framework", lambda: ask_framework(frameworks, first))
    return request


def fill_in(
    request: ProjectRequest, directory: Path, configuration: FileAnswers, frameworks: Mapping[str, Framework], yes: bool
) -> ProjectRequest:
    """Ask for the name and all that `request` leaves open; what is configured is the default.

    Raises:
        UsageError: there is nobody to ask, or `yes` forbids it.
        BadAnswers: something that was given is wrong; nothing was asked then.
        KeyboardInterrupt, EOFError: the user ended the form.
    """
    if yes or not on_terminal():
        raise UsageError('NAME is missing: type "ebpf-new NAME" (on a terminal, without --yes, it is asked for)')
    later = ["NAME", *(f"--{name}" for name in ASKED if getattr(request, name) is None)]
    check_request(fill_answers(request, [configuration]), frameworks, except_for=later)

    def ask(name: str, question: Callable[[str], str]) -> ProjectRequest:
        default = answers_with_defaults(fill_answers(request, [configuration]), frameworks)[name]
        return _asked(request, frameworks, name, lambda: question(default))

    def ask_known(question: str, name: str, default: str) -> str:
        where = configuration.path if name in configuration.values else "git"
        return ask_text(f"{question}, from {where}" if default else question, default)

    if request.framework is None:
        request = ask("framework", partial(ask_framework, frameworks))
    request = _named(request, directory, frameworks)
    framework = frameworks[request.framework or ""]
    if request.program is None and len(framework.programs) > 1:
        request = ask("program", partial(ask_program, framework.programs))
    if request.license is None:
        request = ask("license", partial(ask_license, framework.licenses))
    for name, question in TEXTS_ASKED.items():
        if getattr(request, name) is None:
            request = ask(name, partial(ask_known, question, name))
    return fill_answers(request, [configuration])


def shortest_wish(plan: ProjectPlan, configuration: FileAnswers, frameworks: Mapping[str, Framework]) -> ProjectRequest:
    """Return the request that leads to `plan` with the fewest answers; the framework is always one of them."""
    project = plan.project
    request = ProjectRequest(plan.target, project.framework)
    for name in TEXT_KEYS:
        answer = getattr(project, name)
        if answers_with_defaults(fill_answers(request, [configuration]), frameworks)[name].strip() != answer:
            changed: dict[str, Any] = {name: answer}
            request = replace(request, **changed)
    return request if configuration.values.get("git", True) == plan.git else replace(request, git=plan.git)


def _named(request: ProjectRequest, directory: Path, frameworks: Mapping[str, Framework]) -> ProjectRequest:
    question = "Name of the project, and of the directory that is made for it"
    return _good(
        "NAME", frameworks, lambda: replace(request, target=target_path(ask_text(question, FIRST_NAME), directory))
    )


def _asked(
    request: ProjectRequest, frameworks: Mapping[str, Framework], name: str, ask: Callable[[], str]
) -> ProjectRequest:
    def changed() -> ProjectRequest:
        answer: dict[str, Any] = {name: ask()}
        return replace(request, **answer)

    return _good(f"--{name}", frameworks, changed)


def _good(answer: str, frameworks: Mapping[str, Framework], ask: Callable[[], ProjectRequest]) -> ProjectRequest:
    """Ask until nothing is wrong with `answer`."""
    while True:
        tried = ask()
        problems = [each for each in find_request_problems(tried, frameworks) if each.answer == answer]
        if not problems:
            return tried
        for problem in problems:
            tell_problem(f"{problem.message}; {problem.hint}" if problem.hint else problem.message)
