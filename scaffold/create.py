# SPDX-License-Identifier: BSD-2-Clause
"""From answers to a repository in its place: check everything, render, commit, move in."""

import os
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from scaffold.catalog import Framework
from scaffold.errors import BadAnswers, DiskError, Problem
from scaffold.go_module import default_module
from scaffold.place import BY_NAME, Said, Workshop, find_obstacles, nearest_directory, workshop
from scaffold.project import Project, find_problems, text_message
from scaffold.render import files_in, planned_files, render
from scaffold.repo import Commit, GitSettings, commit_everything, git_is_installed, read_settings


@dataclass(frozen=True)
class Wish:
    """What the user asked for. None is an answer that was not given and takes its default."""

    target: Path  # absolute; its last part is the project's name
    framework: str | None = None
    program: str | None = None
    license: str | None = None
    description: str | None = None
    author: str | None = None
    email: str | None = None
    owner: str | None = None
    module: str | None = None
    git: bool | None = None
    lang: str | None = None
    said: Said = BY_NAME  # where the target comes from
    origins: Mapping[str, str] = field(default_factory=dict)  # what messages call an answer that no option gave
    problems: tuple[Problem, ...] = ()  # what is wrong in the files that answers came from


@dataclass(frozen=True)
class Plan:
    """A wish that can be fulfilled: checked answers, and what making it takes."""

    target: Path
    project: Project
    framework: Framework
    settings: GitSettings
    git: bool
    said: Said

    def files(self) -> list[str]:
        """Return the files that the project will have."""
        return planned_files(self.project, self.framework)


@dataclass(frozen=True)
class Created:
    """A project that is there now. `commit` is None without git."""

    path: Path
    project: Project
    files: tuple[str, ...]
    commit: Commit | None


def target_of(name: str, directory: Path) -> Path:
    """Return the absolute path of the project `name`, which may be a path, in `directory`.

    The last part of `name` stays the last part of the path, so that a bad one can be reported.
    """
    parent, _, last = name.rstrip("/").rpartition("/")
    parent = os.path.abspath(directory / ("/" if name.startswith("/") and not parent else parent))
    return Path(parent, last)


def reject_problems(wish: Wish, frameworks: Mapping[str, Framework], but: Collection[str]) -> None:
    """Check `wish` before more is asked, all but the answers `but`.

    Raises:
        BadAnswers: with everything else that is wrong.
    """
    problems = [problem for problem in problems_in(wish, frameworks) if problem.answer not in but]
    if problems:
        raise BadAnswers(problems)


def problems_in(wish: Wish, frameworks: Mapping[str, Framework]) -> list[Problem]:
    """Return what is wrong with `wish` so far; what git has configured is left out."""
    return _problems(wish, complete_answers(wish, frameworks, GitSettings()), frameworks)


def completed(wish: Wish, frameworks: Mapping[str, Framework]) -> dict[str, str]:
    """Return all answers, unchecked: those of `wish`, and the defaults for what it leaves open."""
    return complete_answers(wish, frameworks, usable(read_settings(place_for_git(wish.target))))


def make_plan(wish: Wish, frameworks: Mapping[str, Framework]) -> Plan:
    """Check `wish` and complete it by the defaults; writes nothing.

    Raises:
        BadAnswers: with everything that is wrong.
    """
    settings = usable(read_settings(place_for_git(wish.target)))
    answers = complete_answers(wish, frameworks, settings)
    problems = _problems(wish, answers, frameworks)
    if problems:
        raise BadAnswers(problems)
    project = Project.of(answers, frameworks)
    return Plan(wish.target, project, frameworks[project.framework], settings, wish.git is not False, wish.said)


def create(plan: Plan) -> Created:
    """Make the project that `plan` describes: all of it, or nothing.

    Raises:
        BadAnswers: another process took the target meanwhile.
        DiskError, GitError, TemplateError: it could not be made; nothing was left behind.
    """
    with workshop(plan.target, plan.said) as place:
        ready = prepare(plan, place)
        place.move_in(ready.path)
    return replace(ready, path=plan.target)


def prepare(plan: Plan, place: Workshop, add: Callable[[Path], None] | None = None) -> Created:
    """Make the project in `place`, to be moved in. `add` is called with the tree, before it is committed.

    Raises:
        DiskError, GitError, TemplateError: it could not be made.
    """
    made = render(plan.project, plan.framework, place.bench)
    if add:
        add(made)
    commit = None
    if plan.git:
        message = f"Start {plan.project.name} from the {plan.framework.title} template of ebpf-new"
        commit = commit_everything(made, message, _identity(plan))
    try:
        files = tuple(files_in(made))
    except OSError as error:
        raise DiskError(f"cannot read back what was written: {error.strerror}") from error
    return Created(made, plan.project, files, commit)


def _problems(wish: Wish, answers: Mapping[str, str], frameworks: Mapping[str, Framework]) -> list[Problem]:
    problems = find_problems(answers, frameworks)
    if wish.target.name:
        problems += find_obstacles(wish.target, wish.said)
    problems += missing_git(wish.git is not False)
    named = [replace(each, answer=wish.origins.get(each.answer.removeprefix("--"), each.answer)) for each in problems]
    return [*wish.problems, *named]


def missing_git(wanted: bool) -> list[Problem]:
    """Return a problem if git is `wanted` and not there."""
    if not wanted or git_is_installed():
        return []
    message = "git is not installed; install it (apt-get install git), or make the project with --no-git"
    return [Problem("--git", message)]


def complete_answers(wish: Wish, frameworks: Mapping[str, Framework], settings: GitSettings) -> dict[str, str]:
    """Return the answers in `wish`, unchecked, with defaults for those that were not given."""
    framework = frameworks.get(wish.framework or "") or next(iter(frameworks.values()))
    moment = int(os.environ.get("SOURCE_DATE_EPOCH") or time.time())

    def given(answer: str | None, default: str) -> str:
        return default if answer is None else answer

    owner = given(wish.owner, "")
    has_module = "module" in framework.own_answers
    return {
        "name": wish.target.name,
        "framework": given(wish.framework, ""),
        "program": given(wish.program, framework.programs[0].name),
        "license": given(wish.license, framework.licenses[0]),
        "description": given(wish.description, framework.description),
        "author": given(wish.author, settings.name),
        "email": given(wish.email, settings.email),
        "owner": owner,
        "module": given(wish.module, default_module(owner, wish.target.name) if has_module else ""),
        "lang": given(wish.lang, framework.languages[0]),
        "year": time.strftime("%Y", time.gmtime(moment)),
    }


def usable(settings: GitSettings) -> GitSettings:
    """Return what of `settings` can be an answer: where the configured is bad, do without, since nobody answered it."""
    name, email = ("" if text_message(text) else text for text in (settings.name, settings.email))
    return GitSettings(name, email, settings.branch)


def _identity(plan: Plan) -> GitSettings:
    # A first commit is the committer's as git knows them; the answers step in where git knows nobody.
    name = plan.settings.name or plan.project.author
    email = plan.settings.email or plan.project.email
    return GitSettings(name, email, plan.settings.branch)


def place_for_git(target: Path) -> Path:
    """Return the directory whose git configuration counts for `target`."""
    place = nearest_directory(target)
    return place if place.is_dir() else Path("/")
