# SPDX-License-Identifier: BSD-2-Clause
"""From a roster to what is to be made of it: every answer checked, and what is there already seen."""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from scaffold.course.entry import Entry, EntryStatus
from scaffold.course.index import INDEX_CSV, read_index
from scaffold.course.roster import Roster, Student
from scaffold.errors import InvalidAnswersError, Problem
from scaffold.generate.create import ProjectPlan, git_directory, git_problems
from scaffold.generate.staging import target_obstacle, target_problems
from scaffold.project.catalog import Framework
from scaffold.project.git import read_git_settings
from scaffold.project.model import Project, find_problems
from scaffold.project.record import read_recorded_answers
from scaffold.project.request import BY_DIRECTORY, ProjectRequest, TargetLabel, complete_answers, usable_settings

PERSON = ("author", "email")
BY_ROW = TargetLabel("the name", "another name", "another place")


@dataclass(frozen=True)
class Repository:
    """A repository of the course: what its row asks for, and what is there of it already."""

    line: int
    plan: ProjectPlan
    more: Mapping[str, str]
    is_kept: bool
    framework: str  # what it is made of, or was
    program: str


@dataclass(frozen=True)
class Course:
    """What is to stand in `directory`. `others` were there before, and the roster does not name them."""

    directory: Path
    repositories: Sequence[Repository]
    others: Sequence[Entry]
    lang: str  # of its page


def plan_course(roster: Roster, directory: Path, common: ProjectRequest, frameworks: Mapping[str, Framework]) -> Course:
    """Check `roster`, with the answers of `common` where a row has none; writes nothing.

    Raises:
        InvalidAnswersError: with everything that is wrong, in whichever row.
    """
    directory = Path(os.path.abspath(directory))
    settings = usable_settings(read_git_settings(git_directory(directory / "any")))
    git = common.git is not False
    problems = [*roster.problems, *common.problems, *git_problems(git)]
    repositories: list[Repository] = []
    known = {entry.name: entry for entry in _indexed(directory)}
    lines: dict[str, tuple[int, str]] = {}  # of each name, in small letters, where it stands first and how
    for student in roster.students:
        name = student.answers["name"]
        request = replace(common, target=directory / name, **_given(roster, student, common, frameworks))
        # A path is no name: what is checked is the whole of it.
        answers = complete_answers(request, frameworks, settings) | {"name": name}
        faults = [*_repeated(roster, student, lines), *_faults(roster, student, answers, common, frameworks)]
        if not faults:
            project = Project.of(answers, frameworks)
            kept = is_project(request.target)
            faults += [] if kept else _in_the_way(roster, student, request.target)
            plan = ProjectPlan(request.target, project, frameworks[project.framework], settings, git, BY_DIRECTORY)
            made_of = _made_of(plan, known, frameworks) if kept else (project.framework, project.program)
            repositories.append(Repository(student.line, plan, student.more, kept, *made_of))
        problems += faults
    problems += target_problems(
        directory / ".any", BY_DIRECTORY, max(1, sum(not each.is_kept for each in repositories))
    )
    if problems:
        raise InvalidAnswersError(list(dict.fromkeys(problems)))
    named = {each.plan.project.name for each in repositories}
    others = [entry for name, entry in known.items() if name not in named and is_project(directory / entry.path)]
    lang = common.lang or next(iter(frameworks.values())).languages[0]
    return Course(
        directory, repositories, [replace(entry, row=None, status=EntryStatus.OTHER) for entry in others], lang
    )


def is_project(directory: Path) -> bool:
    """Tell whether `directory` holds a project that ebpf-new has made."""
    return not directory.is_symlink() and bool(read_recorded_answers(directory))


def _given(
    roster: Roster, student: Student, common: ProjectRequest, frameworks: Mapping[str, Framework]
) -> dict[str, Any]:
    """Return the answers of a row, and None for those of `common` that its framework does not ask for."""
    given: dict[str, Any] = {answer: text for answer, text in student.answers.items() if answer != "name"}
    if given.keys() & set(PERSON):
        # Half a student and half of whoever git is configured for would be nobody.
        given |= {each: "" for each in PERSON if each not in given and getattr(common, each) is None}
    framework = frameworks.get(given.get("framework") or common.framework or "")
    if framework:
        special = {answer for each in frameworks.values() for answer in each.own_answers}
        # What a cell says of itself is a mistake there; a pattern or an option is for all rows.
        plain = {answer for answer, source in roster.sources.items() if source.plain}
        given |= dict.fromkeys(special - set(framework.own_answers) - (plain & set(given)))
    return given


def _repeated(roster: Roster, student: Student, lines: dict[str, tuple[int, str]]) -> list[Problem]:
    name = student.answers["name"]
    line, first = lines.setdefault(name.casefold(), (student.line, name))
    if line == student.line:
        return []
    but = "" if first == name else ", but for capitals, which GitHub and some file systems do not tell apart"
    return [Problem(roster.place(student.line, "name"), f"{name!r} is the name in line {line}{but}")]


def _faults(
    roster: Roster,
    student: Student,
    answers: Mapping[str, str],
    common: ProjectRequest,
    frameworks: Mapping[str, Framework],
) -> Iterator[Problem]:
    """Yield what is wrong with the answers of a row; what an option says wrong comes in the same words from each."""
    for problem in find_problems(answers, frameworks):
        answer = "name" if problem.answer == "NAME" else problem.answer.removeprefix("--")
        message = problem.message
        if answer == "framework" and not answers["framework"]:
            message = f"it is missing, and --framework gives no other; allowed is {' | '.join(frameworks)}"
        if answer in student.answers or getattr(common, answer, None) is None:
            yield Problem(roster.place(student.line, answer), message)
        else:
            yield Problem(problem.answer, message)


def _in_the_way(roster: Roster, student: Student, target: Path) -> list[Problem]:
    try:
        message = target_obstacle(target, BY_ROW)
    except OSError as error:
        message = f"{error.filename}: {error.strerror}"
    return [Problem(roster.place(student.line, "name"), message)] if message else []


def _indexed(directory: Path) -> list[Entry]:
    """Return what was there by the index of an earlier run."""
    return [entry for entry in read_index(directory) if entry.exists] if (directory / INDEX_CSV).exists() else []


def _made_of(plan: ProjectPlan, known: Mapping[str, Entry], frameworks: Mapping[str, Framework]) -> tuple[str, str]:
    """Return framework and program of what is there, whatever the roster says now.

    The index knows best. What stands in the repository may be its user's, and counts where no index came to be.
    """
    if entry := known.get(plan.project.name):
        return entry.framework, entry.program
    said = read_recorded_answers(plan.target)
    framework = frameworks.get(str(said.get("framework")), plan.framework)
    programs = [program.name for program in framework.programs]
    return framework.name, str(said["program"]) if said.get("program") in programs else programs[0]
