# SPDX-License-Identifier: BSD-2-Clause
"""The wizard of `ebpf-new new`: it asks for missing answers, checks each at once, and finds the equivalent command."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from scaffold.cli.prompts import ask_framework, ask_license, ask_program, ask_text, print_problem
from scaffold.cli.terminal import is_interactive
from scaffold.errors import UsageError
from scaffold.generate.create import ProjectPlan, answers_with_defaults, check_request, find_request_problems
from scaffold.project.answers import TEXT_KEYS, FileAnswers, fill_answers
from scaffold.project.catalog import Framework
from scaffold.project.request import ProjectRequest, target_path

FIRST_NAME = "hello"
TEXT_QUESTIONS = {"author": "Author for the copyright line", "email": "E-mail address of the author"}
QUESTIONS = ("framework", "program", "license", *TEXT_QUESTIONS)


def choose_framework(
    request: ProjectRequest, configuration: FileAnswers, frameworks: Mapping[str, Framework], yes: bool
) -> ProjectRequest:
    """Return `request` completed by `configuration`, and by a framework if one is missing.

    With `yes` that is the first one. Otherwise the user chooses it; without a terminal it stays missing.

    Raises:
        InvalidAnswersError: another answer is invalid; the user was not asked.
        KeyboardInterrupt, EOFError: the user interrupted the question.
    """
    request = fill_answers(request, [configuration])
    if request.framework is None and (yes or is_interactive()):
        check_request(request, frameworks, except_for=["--framework"])
        default = next(iter(frameworks))
        if yes:
            return replace(request, framework=default)
        request = _ask_answer(request, frameworks, "framework", lambda: ask_framework(frameworks, default))
    return request


def ask_all_answers(
    request: ProjectRequest, directory: Path, configuration: FileAnswers, frameworks: Mapping[str, Framework], yes: bool
) -> ProjectRequest:
    """Ask for the name and for every missing answer, with defaults from `configuration`, and return the request.

    A relative name is in `directory`.

    Raises:
        UsageError: there is no terminal, or `yes` forbids questions.
        InvalidAnswersError: a given answer is invalid; the user was not asked.
        KeyboardInterrupt, EOFError: the user interrupted the questions.
    """
    if yes or not is_interactive():
        raise UsageError(
            "NAME is missing",
            hint='run "ebpf-new NAME"; the command asks for NAME only on a terminal, and not with --yes',
        )
    missing = ["NAME", *(f"--{name}" for name in QUESTIONS if getattr(request, name) is None)]
    check_request(fill_answers(request, [configuration]), frameworks, except_for=missing)

    def ask(name: str, question: Callable[[str], str]) -> ProjectRequest:
        default = answers_with_defaults(fill_answers(request, [configuration]), frameworks)[name]
        return _ask_answer(request, frameworks, name, lambda: question(default))

    def ask_known_text(question: str, name: str, default: str) -> str:
        source = configuration.path if name in configuration.values else "git"
        return ask_text(f"{question}, from {source}" if default else question, default)

    if request.framework is None:
        request = ask("framework", partial(ask_framework, frameworks))
    request = _ask_name(request, directory, frameworks)
    framework = frameworks[request.framework or ""]
    if request.program is None and len(framework.programs) > 1:
        request = ask("program", partial(ask_program, framework.programs))
    if request.license is None:
        request = ask("license", partial(ask_license, framework.licenses))
    for name, question in TEXT_QUESTIONS.items():
        if getattr(request, name) is None:
            request = ask(name, partial(ask_known_text, question, name))
    return fill_answers(request, [configuration])


def shortest_request(
    plan: ProjectPlan, configuration: FileAnswers, frameworks: Mapping[str, Framework]
) -> ProjectRequest:
    """Return the request with the fewest answers that leads to `plan`. It always has the framework."""
    project = plan.project
    request = ProjectRequest(plan.target, project.framework)
    for name in TEXT_KEYS:
        answer = getattr(project, name)
        if answers_with_defaults(fill_answers(request, [configuration]), frameworks)[name].strip() != answer:
            changed: dict[str, Any] = {name: answer}
            request = replace(request, **changed)
    return request if configuration.values.get("git", True) == plan.git else replace(request, git=plan.git)


def _ask_name(request: ProjectRequest, directory: Path, frameworks: Mapping[str, Framework]) -> ProjectRequest:
    question = "Name of the project and of its new directory"
    return _ask_until_valid(
        "NAME", frameworks, lambda: replace(request, target=target_path(ask_text(question, FIRST_NAME), directory))
    )


def _ask_answer(
    request: ProjectRequest, frameworks: Mapping[str, Framework], name: str, ask: Callable[[], str]
) -> ProjectRequest:
    def with_answer() -> ProjectRequest:
        answer: dict[str, Any] = {name: ask()}
        return replace(request, **answer)

    return _ask_until_valid(f"--{name}", frameworks, with_answer)


def _ask_until_valid(
    answer: str, frameworks: Mapping[str, Framework], ask: Callable[[], ProjectRequest]
) -> ProjectRequest:
    """Call `ask` until the `answer` in its result, such as --license, is valid."""
    while True:
        request = ask()
        problems = [problem for problem in find_request_problems(request, frameworks) if problem.answer == answer]
        if not problems:
            return request
        for problem in problems:
            print_problem(problem)
