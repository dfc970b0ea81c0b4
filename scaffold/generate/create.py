# SPDX-License-Identifier: BSD-2-Clause
"""Creating a project from a request: check every answer, render, commit, publish."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from scaffold.errors import DiskError, InvalidAnswersError, Problem
from scaffold.generate.commit import Commit, create_repository
from scaffold.generate.render import files_in, planned_files, render
from scaffold.generate.staging import StagingDir, find_target_problems, nearest_existing, staging_dir
from scaffold.project.catalog import Framework
from scaffold.project.git import GitSettings, git_is_installed
from scaffold.project.model import Project, find_problems
from scaffold.project.request import ProjectRequest, TargetLabel, complete_answers, read_valid_git_settings


@dataclass(frozen=True)
class ProjectPlan:
    """A valid request, with all that is necessary to create the project."""

    target: Path
    project: Project
    framework: Framework
    settings: GitSettings
    git: bool
    label: TargetLabel

    def files(self) -> list[str]:
        """Return the files that the project will contain."""
        return planned_files(self.project, self.framework)


@dataclass(frozen=True)
class Created:
    """A project that exists now. `commit` is None without git."""

    path: Path
    project: Project
    files: tuple[str, ...]
    commit: Commit | None


def check_request(request: ProjectRequest, frameworks: Mapping[str, Framework], except_for: Collection[str]) -> None:
    """Check the answers of `request` except for those that the user is still asked for, such as "--framework".

    Raises:
        InvalidAnswersError: answers are invalid; the error contains every problem.
    """
    problems = [problem for problem in find_request_problems(request, frameworks) if problem.answer not in except_for]
    if problems:
        raise InvalidAnswersError(problems)


def find_request_problems(request: ProjectRequest, frameworks: Mapping[str, Framework]) -> list[Problem]:
    """Return every problem of `request`, with defaults for the answers that it lacks."""
    return _find_problems(request, complete_answers(request, frameworks, GitSettings()), frameworks)


def answers_with_defaults(request: ProjectRequest, frameworks: Mapping[str, Framework]) -> dict[str, str]:
    """Return all answers: those of `request`, and defaults, also from the git settings; checks nothing."""
    settings = read_valid_git_settings(nearest_directory(request.target))
    return complete_answers(request, frameworks, settings)


def plan_project(request: ProjectRequest, frameworks: Mapping[str, Framework]) -> ProjectPlan:
    """Check `request`, complete it with defaults, and return the plan; writes nothing.

    Raises:
        InvalidAnswersError: answers are invalid; the error contains every problem.
    """
    settings = read_valid_git_settings(nearest_directory(request.target))
    answers = complete_answers(request, frameworks, settings)
    problems = _find_problems(request, answers, frameworks)
    if problems:
        raise InvalidAnswersError(problems)
    project = Project.of(answers, frameworks)
    return ProjectPlan(
        request.target, project, frameworks[project.framework], settings, request.git is not False, request.label
    )


def create(plan: ProjectPlan) -> Created:
    """Create the project of `plan`: all of it, or nothing.

    Raises:
        InvalidAnswersError: another process created the target meanwhile.
        DiskError, GitError, TemplateError: the project cannot be created.
    """
    with staging_dir(plan.target, plan.label) as staging:
        created = render_and_commit(plan, staging)
        staging.publish(created.path)
    return replace(created, path=plan.target)


def render_and_commit(
    plan: ProjectPlan, staging: StagingDir, add_files: Callable[[Path], None] | None = None
) -> Created:
    """Create the project of `plan` in `staging`; it is not published.

    `add_files` is called with the rendered tree before the commit.

    Raises:
        DiskError, GitError, TemplateError: the project cannot be created.
    """
    root = render(plan.project, plan.framework, staging.tree)
    if add_files:
        add_files(root)
    commit = None
    if plan.git:
        message = f"Start {plan.project.name} from the {plan.framework.title} template of ebpf-new"
        commit = create_repository(root, message, _committer(plan))
    try:
        files = tuple(files_in(root))
    except OSError as error:
        raise DiskError(f"cannot read the new project: {error.strerror}") from error
    return Created(root, plan.project, files, commit)


def find_git_problems(use_git: bool) -> list[Problem]:
    """Return a problem if git is to be used and is not installed."""
    if not use_git or git_is_installed():
        return []
    return [Problem("--git", "git is not installed", "install it (apt-get install git), or add --no-git")]


def nearest_directory(target: Path) -> Path:
    """Return the existing directory whose git configuration applies to `target`."""
    parent = nearest_existing(target)
    return parent if parent.is_dir() else Path("/")


def _find_problems(
    request: ProjectRequest, answers: Mapping[str, str], frameworks: Mapping[str, Framework]
) -> list[Problem]:
    problems = find_problems(answers, frameworks)
    if request.target.name:
        problems += find_target_problems(request.target, request.label)
    problems += find_git_problems(request.git is not False)
    located = [
        replace(problem, answer=request.origins.get(problem.answer.removeprefix("--"), problem.answer))
        for problem in problems
    ]
    return [*request.problems, *located]


def _committer(plan: ProjectPlan) -> GitSettings:
    # The committer is git's user. The answers replace only what git does not know.
    name = plan.settings.name or plan.project.author
    email = plan.settings.email or plan.project.email
    return GitSettings(name, email, plan.settings.branch)
