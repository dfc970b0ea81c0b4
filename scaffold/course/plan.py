# SPDX-License-Identifier: BSD-2-Clause
"""From a roster to the plan of a course: every answer checked, and every existing repository found."""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from scaffold.course.entry import Entry, EntryStatus
from scaffold.course.index import INDEX_CSV, read_index
from scaffold.course.roster import Roster, RosterRow
from scaffold.errors import InvalidAnswersError, Problem
from scaffold.generate.create import ProjectPlan, find_git_problems, nearest_directory
from scaffold.generate.staging import find_obstacle, find_target_problems
from scaffold.project.catalog import Framework
from scaffold.project.model import Project, find_problems
from scaffold.project.record import read_recorded_answers
from scaffold.project.request import DIR_LABEL, ProjectRequest, TargetLabel, complete_answers, read_valid_git_settings

PERSON = ("author", "email")
ROW_LABEL = TargetLabel("name", "another name", "another directory")


@dataclass(frozen=True)
class Repository:
    """A repository of the course, and the row of the roster that asks for it."""

    line: int  # of the roster
    plan: ProjectPlan
    more: Mapping[str, str]  # columns of the roster that the index keeps
    is_kept: bool  # it exists, and stays as it is
    framework: str  # of the plan, or of the existing repository
    program: str


@dataclass(frozen=True)
class Course:
    """A course in `directory`. `others` are the existing repositories that the roster does not list."""

    directory: Path
    repositories: Sequence[Repository]
    others: Sequence[Entry]
    lang: str  # of index.md


def plan_course(roster: Roster, directory: Path, common: ProjectRequest, frameworks: Mapping[str, Framework]) -> Course:
    """Check the whole roster and return the plan of its course; writes nothing.

    `common` gives the answers that a row does not have.

    Raises:
        InvalidAnswersError: with all problems of all rows.
        UsageError: the index of an earlier run is damaged.
    """
    directory = Path(os.path.abspath(directory))
    settings = read_valid_git_settings(nearest_directory(directory / "any"))
    git = common.git is not False
    problems = [*roster.problems, *common.problems, *find_git_problems(git)]
    repositories: list[Repository] = []
    indexed = {entry.name: entry for entry in _read_existing(directory)}
    first_uses: dict[str, RosterRow] = {}  # by name in lower case
    for row in roster.rows:
        name = row.answers["name"]
        request = replace(common, target=directory / name, **_row_answers(roster, row, common, frameworks))
        # The target's last part would hide that a name is a path, so the whole name is checked.
        answers = complete_answers(request, frameworks, settings) | {"name": name}
        row_problems = [
            *_duplicate_problems(roster, row, first_uses),
            *_answer_problems(roster, row, answers, common, frameworks),
        ]
        if not row_problems:
            project = Project.of(answers, frameworks)
            is_kept = is_project(request.target)
            row_problems += [] if is_kept else _target_problems(roster, row, request.target)
            plan = ProjectPlan(request.target, project, frameworks[project.framework], settings, git, DIR_LABEL)
            template = (
                _existing_template(plan, indexed, frameworks) if is_kept else (project.framework, project.program)
            )
            repositories.append(Repository(row.line, plan, row.more, is_kept, *template))
        problems += row_problems
    new = sum(not repository.is_kept for repository in repositories)
    problems += find_target_problems(directory / ".any", DIR_LABEL, max(1, new))
    if problems:
        raise InvalidAnswersError(list(dict.fromkeys(problems)))
    listed = {repository.plan.project.name for repository in repositories}
    others = [entry for name, entry in indexed.items() if name not in listed and is_project(directory / entry.path)]
    return Course(
        directory,
        repositories,
        [replace(entry, row=None, status=EntryStatus.OTHER) for entry in others],
        common.lang or next(iter(frameworks.values())).languages[0],
    )


def is_project(directory: Path) -> bool:
    """Tell whether `directory` contains a project that ebpf-new created."""
    return not directory.is_symlink() and bool(read_recorded_answers(directory))


def _row_answers(
    roster: Roster, row: RosterRow, common: ProjectRequest, frameworks: Mapping[str, Framework]
) -> dict[str, Any]:
    """Return the answers of a row that replace those of `common`; None removes an answer of `common`."""
    answers: dict[str, Any] = {answer: text for answer, text in row.answers.items() if answer != "name"}
    if answers.keys() & set(PERSON):
        # git's user must not complete a student: the author and the email must be the same person's.
        answers |= {answer: "" for answer in PERSON if answer not in answers and getattr(common, answer) is None}
    framework = frameworks.get(answers.get("framework") or common.framework or "")
    if framework:
        # An option or a pattern applies to all rows, so it does not count for a framework that does not have its
        # answer. A cell of such an answer is a mistake, and stays for the check to find.
        special = {answer for known in frameworks.values() for answer in known.own_answers}
        single = {answer for answer, pattern in roster.patterns.items() if pattern.is_single_column}
        answers |= dict.fromkeys(special - set(framework.own_answers) - (single & set(answers)))
    return answers


def _duplicate_problems(roster: Roster, row: RosterRow, first_uses: dict[str, RosterRow]) -> list[Problem]:
    name = row.answers["name"]
    first = first_uses.setdefault(name.casefold(), row)
    if first is row:
        return []
    location = roster.location(row.line, "name")
    if first.answers["name"] == name:
        return [Problem(location, f"the name {name!r} already exists in line {first.line}")]
    message = f"the names {name!r} and {first.answers['name']!r} in line {first.line} differ only in case"
    return [Problem(location, message, "choose another name: GitHub and some file systems ignore the case")]


def _answer_problems(
    roster: Roster,
    row: RosterRow,
    answers: Mapping[str, str],
    common: ProjectRequest,
    frameworks: Mapping[str, Framework],
) -> Iterator[Problem]:
    """Yield the problems of a row's answers. An invalid option gives equal problems in all rows."""
    for problem in find_problems(answers, frameworks):
        answer = "name" if problem.answer == "NAME" else problem.answer.removeprefix("--")
        if answer == "framework" and not answers["framework"]:
            hint = f"fill in the cell, or add --framework {'|'.join(frameworks)}"
            problem = replace(problem, message="the framework is missing", hint=hint)
        if answer in row.answers or getattr(common, answer, None) is None:
            problem = replace(problem, answer=roster.location(row.line, answer))
        yield problem


def _target_problems(roster: Roster, row: RosterRow, target: Path) -> list[Problem]:
    try:
        problem = find_obstacle(target, ROW_LABEL)
    except OSError as error:
        problem = Problem("name", f"cannot read {error.filename}: {error.strerror}")
    return [replace(problem, answer=roster.location(row.line, "name"))] if problem else []


def _read_existing(directory: Path) -> list[Entry]:
    """Return the entries of the index of an earlier run whose repositories existed; [] without an index."""
    return [entry for entry in read_index(directory) if entry.exists] if (directory / INDEX_CSV).exists() else []


def _existing_template(
    plan: ProjectPlan, indexed: Mapping[str, Entry], frameworks: Mapping[str, Framework]
) -> tuple[str, str]:
    """Return the framework and program of an existing repository; the roster may name others by now.

    The index decides. The record in the repository counts only without an entry in the index, because the student can
    edit it.
    """
    if entry := indexed.get(plan.project.name):
        return entry.framework, entry.program
    recorded = read_recorded_answers(plan.target)
    framework = frameworks.get(str(recorded.get("framework")), plan.framework)
    programs = [program.name for program in framework.programs]
    program = str(recorded.get("program"))
    return framework.name, program if program in programs else programs[0]
