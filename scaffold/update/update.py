# SPDX-License-Identifier: BSD-2-Clause
"""The steps of `ebpf-new update`: read the record, find the base, render the new templates, merge, and write."""

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from packaging.version import Version

from scaffold.errors import DiskError, InvalidAnswersError, Problem, UnavailableError, UsageError
from scaffold.generate.export import SCRIPT_DATA
from scaffold.generate.render import render
from scaffold.project.catalog import Framework, load_catalog, templates_directory
from scaffold.project.model import Project, find_problems
from scaffold.project.record import RECORD, Record
from scaffold.project.request import ProjectRequest, complete_answers, read_valid_git_settings
from scaffold.update.apply import apply_merge, require_writable
from scaffold.update.archive import releases_directory
from scaffold.update.base import base_at_commit, find_base
from scaffold.update.checkout import Checkout, find_checkout, require_clean
from scaffold.update.merge import (
    ChangeKind,
    MergeResult,
    ProjectTree,
    Resolution,
    UnmergedFile,
    commit_trees,
    create_merge_repository,
    drop_replaced_directories,
    list_template_changes,
    merge,
)


class Mode(StrEnum):
    """How far an update goes."""

    CHECK = "check"  # compares with the commit, and accepts uncommitted changes
    DRY_RUN = "dry run"  # checks everything, and writes nothing
    WRITE = "write"


@dataclass(frozen=True)
class TemplateSources:
    """The directories of the current templates, and of the archived templates of released versions."""

    templates: Path = field(default_factory=templates_directory)
    releases: Path = field(default_factory=releases_directory)


@dataclass(frozen=True)
class UpdateRequest:
    """What the user asked for. `base` names the commit that contains the project as it was generated."""

    directory: Path
    answers: Mapping[str, str] = field(default_factory=dict)  # replace recorded answers, or answer new questions
    base: str | None = None
    mode: Mode = Mode.WRITE


@dataclass(frozen=True)
class Question:
    """A question of the new templates that the record of the project does not answer."""

    key: str
    text: str
    default: str
    choices: tuple[str, ...]  # empty if the answer is free text


@dataclass(frozen=True)
class FileStatus:
    """What an update does to one file of the project. `why` explains a conflict, or why the file stays as it is."""

    path: str  # relative to the project
    what: ChangeKind | Resolution
    why: str = ""  # git's own word for the kind of a conflict, such as "contents"


@dataclass(frozen=True)
class UpdateResult:
    """What an update did, or would do."""

    project: Path
    is_whole_repository: bool  # or the project is a directory in a larger repository
    name: str
    from_version: str
    to_version: str
    files: tuple[FileStatus, ...]  # the files that change
    kept: tuple[FileStatus, ...]  # the files that stay as the user has them, although the templates changed them
    defaults: Mapping[str, str]  # the answers to new questions that the user did not answer
    mode: Mode

    @property
    def conflicts(self) -> list[FileStatus]:
        """The files whose conflicts the user must resolve."""
        return [file for file in self.files if file.what is Resolution.CONFLICT]

    @property
    def exit_code(self) -> int:
        """1 if a check finds an outdated project, or if there are conflicts to resolve; otherwise 0."""
        return int(bool(self.files if self.mode is Mode.CHECK else self.conflicts and self.mode is Mode.WRITE))


def update(request: UpdateRequest, sources: TemplateSources | None = None) -> UpdateResult:
    """Merge the new templates into the project, and write the result if `request.mode` is `Mode.WRITE`.

    `sources` defaults to the templates of this installation.

    Raises:
        InvalidAnswersError: answers are invalid; the error contains all of them.
        UnavailableError: git is too old, the project is newer than this command, or its old templates are unknown.
        DiskError, GitError, TemplateError: the update failed; the project is unchanged.
        UsageError: the directory is not a project, or its state does not allow an update.
    """
    sources = sources or TemplateSources()
    checkout = find_checkout(request.directory)
    if request.mode is not Mode.CHECK:
        require_clean(checkout)
    record = checkout.read_record()
    framework = _load_framework(checkout, record, sources)
    version = framework.settings["_version"]
    project = _complete_project(record, request.answers, checkout, framework)
    try:
        with tempfile.TemporaryDirectory(prefix="ebpf-new-") as temporary:
            for name in ("theirs", "base"):
                Path(temporary, name).mkdir()
            theirs = render(project, framework, Path(temporary, "theirs"))
            base: ProjectTree
            if request.base is None:
                base = find_base(checkout, record, sources.releases, theirs, Path(temporary, "base"))
            else:
                base = base_at_commit(checkout, request.base)
            merged = update_tree(
                checkout, base, theirs, version, Path(temporary), request.mode, has_same_answers=not request.answers
            )
    except OSError as error:
        raise DiskError(f"cannot use {tempfile.gettempdir()}: {error.strerror or error}") from error
    questions = _list_questions(record, checkout, framework, request.answers)
    return UpdateResult(
        project=request.directory,
        is_whole_repository=checkout.is_whole_repository,
        name=project.name,
        from_version=str(record.version),
        to_version=version,
        files=_changed_files(checkout, merged),
        kept=_kept_files(checkout, merged),
        defaults={question.key: question.default for question in questions},
        mode=request.mode,
    )


def update_tree(
    checkout: Checkout,
    base: ProjectTree,
    theirs: ProjectTree,
    version: str,
    directory: Path,
    mode: Mode,
    has_same_answers: bool = False,
) -> MergeResult:
    """Merge `theirs`, the project by the templates of `version`, into the user's; write the result in `Mode.WRITE`.

    `base` is the project as it was generated, and `directory` is a temporary directory. If `has_same_answers` is set
    and only the version of the templates differs, the result is empty.

    Raises:
        DiskError, GitError, UsageError: the update failed; the project is unchanged.
    """
    repository = create_merge_repository(checkout, directory, f"ebpf-new-{version}")
    commit_trees(repository, base, theirs)
    if has_same_answers and list_template_changes(repository) == [checkout.prefix + RECORD]:
        return MergeResult((), {}, ())
    dropped = drop_replaced_directories(repository)
    merged = merge(repository)
    merged = replace(merged, unmerged=(*merged.unmerged, *dropped))
    if mode is not Mode.CHECK:
        require_writable(checkout, merged.changes)
    if mode is Mode.WRITE and (merged.changes or merged.stages):
        apply_merge(repository, merged)
    return merged


def parse_answers(arguments: Sequence[str]) -> dict[str, str]:
    """Return the answers in `arguments`, each of the form KEY=VALUE, by key.

    Raises:
        InvalidAnswersError: an argument has no KEY or no =.
    """
    invalid = [argument for argument in arguments if argument.find("=") < 1]
    if invalid:
        hint = "for example: --answer license=MIT"
        raise InvalidAnswersError(
            [Problem("--answer", f"expected KEY=VALUE, got {argument!r}", hint) for argument in invalid]
        )
    return dict(argument.split("=", 1) for argument in arguments)


def unanswered_questions(request: UpdateRequest, sources: TemplateSources | None = None) -> list[Question]:
    """Return the questions of the new templates that neither the record of the project nor `request` answers.

    Raises:
        UnavailableError, GitError, TemplateError, UsageError: as in `update`.
    """
    checkout = find_checkout(request.directory)
    record = checkout.read_record()
    framework = _load_framework(checkout, record, sources or TemplateSources())
    return _list_questions(record, checkout, framework, request.answers)


def _load_framework(checkout: Checkout, record: Record, sources: TemplateSources) -> Framework:
    """Return the current version of the framework that the project was generated from."""
    script = checkout.project / SCRIPT_DATA
    if script.is_file() and script.with_suffix(".py").is_file():
        raise UsageError(
            f"{checkout.project} is an exported template, and its patches fit only the files of that export",
            hint="create it again with ebpf-new export, and copy the new files over it",
        )
    framework = load_catalog(sources.templates).get(record.framework)
    if not framework:
        raise UnavailableError(
            f"{checkout.project} uses the framework {record.framework}, which this version of ebpf-new does not have",
            hint=f"use ebpf-new {record.version}, which generated the project",
        )
    version = framework.settings["_version"]
    if record.version > Version(version):
        raise UnavailableError(
            f"{checkout.project} was generated by ebpf-new {record.version}, and this is the older version {version}",
            hint="upgrade ebpf-new",
        )
    return framework


def _complete_project(record: Record, given: Mapping[str, str], checkout: Checkout, framework: Framework) -> Project:
    """Return the project with the recorded answers, the answers that the user gave, and defaults for the others."""
    frameworks = {framework.name: framework}
    answers = _complete_answers(record, given, checkout, framework)
    changeable = [key for key in answers if key != "framework"]
    problems = [
        Problem(f"--answer {key}", f"unknown answer, expected {' | '.join(changeable)}")
        for key in given
        if key not in changeable
    ]
    for problem in find_problems(answers, frameworks):
        key = "name" if problem.answer == "NAME" else problem.answer.removeprefix("--")
        problems.append(replace(problem, answer=f"--answer {key}"))
    if problems:
        raise InvalidAnswersError(problems)
    return Project.of(answers, frameworks)


def _complete_answers(
    record: Record, given: Mapping[str, str], checkout: Checkout, framework: Framework
) -> dict[str, str]:
    known = {**record.answers, **given, "framework": record.framework}
    options: dict[str, Any] = {
        option.name: known[option.name]
        for option in fields(ProjectRequest)
        if option.default is None and option.name in known
    }
    request = ProjectRequest(Path("/", known["name"]), **options)
    settings = read_valid_git_settings(checkout.project)
    answers = complete_answers(request, {framework.name: framework}, settings)
    return {key: known.get(key, default) for key, default in answers.items()}


def _list_questions(
    record: Record, checkout: Checkout, framework: Framework, given: Mapping[str, str]
) -> list[Question]:
    # A framework that does not use an answer has no prompt for it.
    prompts = {key: text for key, text in framework.prompts.items() if key not in record.answers and key not in given}
    if not prompts:
        return []
    answers = _complete_answers(record, given, checkout, framework)
    choices = {
        "license": framework.licenses,
        "program": tuple(program.name for program in framework.programs),
        "lang": framework.languages,
    }
    return [Question(key, text, answers[key], choices.get(key, ())) for key, text in prompts.items() if key in answers]


def _changed_files(checkout: Checkout, merged: MergeResult) -> tuple[FileStatus, ...]:
    files = {change.path: FileStatus(_project_path(checkout, change.path), change.kind) for change in merged.changes}
    for file in merged.unmerged:
        if file.resolution is Resolution.CONFLICT:
            files[file.path] = FileStatus(_project_path(checkout, file.path), file.resolution, file.why)
    return tuple(files[path] for path in sorted(files))


def _kept_files(checkout: Checkout, merged: MergeResult) -> tuple[FileStatus, ...]:
    changed = {change.path for change in merged.changes}
    return tuple(
        FileStatus(_project_path(checkout, file.path), file.resolution, explain_kept(file))
        for file in merged.unmerged
        if file.resolution is not Resolution.CONFLICT and file.path not in changed
    )


def _project_path(checkout: Checkout, path: str) -> str:
    """Return `path`, which is relative to the top of the work tree, relative to the project."""
    return path.removeprefix(checkout.prefix)


def explain_kept(file: UnmergedFile) -> str:
    """Return why the update left `file` as the user has it."""
    if file.resolution is Resolution.STAYS:
        return "you changed it, and the templates no longer have it"
    if file.why == "file/directory":
        return "you replaced its directory by a file or a link"
    return "you deleted it, and the templates changed it"
