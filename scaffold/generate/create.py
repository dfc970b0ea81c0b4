# SPDX-License-Identifier: BSD-2-Clause
"""From answers to a repository in its staging: check everything, render, commit, move in."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from scaffold.errors import DiskError, InvalidAnswersError, Problem
from scaffold.generate.commit import Commit, create_repository
from scaffold.generate.render import files_in, planned_files, render
from scaffold.generate.staging import StagingDir, nearest_existing, staging_dir, target_problems
from scaffold.project.catalog import Framework
from scaffold.project.git import GitSettings, git_is_installed, read_git_settings
from scaffold.project.model import Project, find_problems
from scaffold.project.request import ProjectRequest, TargetLabel, complete_answers, usable_settings


@dataclass(frozen=True)
class ProjectPlan:
    """A request that can be fulfilled: checked answers, and what making it takes."""

    target: Path
    project: Project
    framework: Framework
    settings: GitSettings
    git: bool
    label: TargetLabel

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


def reject_problems(request: ProjectRequest, frameworks: Mapping[str, Framework], but: Collection[str]) -> None:
    """Check `request` before more is asked, all but the answers `but`.

    Raises:
        InvalidAnswersError: with everything else that is wrong.
    """
    problems = [problem for problem in request_problems(request, frameworks) if problem.answer not in but]
    if problems:
        raise InvalidAnswersError(problems)


def request_problems(request: ProjectRequest, frameworks: Mapping[str, Framework]) -> list[Problem]:
    """Return what is wrong with `request` so far; what git has configured is left out."""
    return _problems(request, complete_answers(request, frameworks, GitSettings()), frameworks)


def proposed_answers(request: ProjectRequest, frameworks: Mapping[str, Framework]) -> dict[str, str]:
    """Return all answers, unchecked: those of `request`, and the defaults for what it leaves open."""
    return complete_answers(request, frameworks, usable_settings(read_git_settings(git_directory(request.target))))


def plan_project(request: ProjectRequest, frameworks: Mapping[str, Framework]) -> ProjectPlan:
    """Check `request` and complete it by the defaults; writes nothing.

    Raises:
        InvalidAnswersError: with everything that is wrong.
    """
    settings = usable_settings(read_git_settings(git_directory(request.target)))
    answers = complete_answers(request, frameworks, settings)
    problems = _problems(request, answers, frameworks)
    if problems:
        raise InvalidAnswersError(problems)
    project = Project.of(answers, frameworks)
    return ProjectPlan(
        request.target, project, frameworks[project.framework], settings, request.git is not False, request.label
    )


def create(plan: ProjectPlan) -> Created:
    """Make the project that `plan` describes: all of it, or nothing.

    Raises:
        InvalidAnswersError: another process took the target meanwhile.
        DiskError, GitError, TemplateError: it could not be made; nothing was left behind.
    """
    with staging_dir(plan.target, plan.label) as staging:
        ready = render_and_commit(plan, staging)
        staging.publish(ready.path)
    return replace(ready, path=plan.target)


def render_and_commit(plan: ProjectPlan, staging: StagingDir, add: Callable[[Path], None] | None = None) -> Created:
    """Make the project in `staging`, to be moved in. `add` is called with the tree, before it is committed.

    Raises:
        DiskError, GitError, TemplateError: it could not be made.
    """
    made = render(plan.project, plan.framework, staging.tree)
    if add:
        add(made)
    commit = None
    if plan.git:
        message = f"Start {plan.project.name} from the {plan.framework.title} template of ebpf-new"
        commit = create_repository(made, message, _identity(plan))
    try:
        files = tuple(files_in(made))
    except OSError as error:
        raise DiskError(f"cannot read back what was written: {error.strerror}") from error
    return Created(made, plan.project, files, commit)


def _problems(
    request: ProjectRequest, answers: Mapping[str, str], frameworks: Mapping[str, Framework]
) -> list[Problem]:
    problems = find_problems(answers, frameworks)
    if request.target.name:
        problems += target_problems(request.target, request.label)
    problems += git_problems(request.git is not False)
    named = [
        replace(each, answer=request.origins.get(each.answer.removeprefix("--"), each.answer)) for each in problems
    ]
    return [*request.problems, *named]


def git_problems(wanted: bool) -> list[Problem]:
    """Return a problem if git is `wanted` and not there."""
    if not wanted or git_is_installed():
        return []
    message = "git is not installed; install it (apt-get install git), or make the project with --no-git"
    return [Problem("--git", message)]


def _identity(plan: ProjectPlan) -> GitSettings:
    # A first commit is the committer's as git knows them; the answers step in where git knows nobody.
    name = plan.settings.name or plan.project.author
    email = plan.settings.email or plan.project.email
    return GitSettings(name, email, plan.settings.branch)


def git_directory(target: Path) -> Path:
    """Return the directory whose git configuration counts for `target`."""
    staging = nearest_existing(target)
    return staging if staging.is_dir() else Path("/")
