# SPDX-License-Identifier: BSD-2-Clause
"""A project gets the templates of the installed version: what is asked, rendered, merged and written, in order."""

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from enum import Enum
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
from scaffold.update.apply import apply_merge, reject_blocked
from scaffold.update.archive import releases_directory
from scaffold.update.base import base_at_commit, find_base
from scaffold.update.checkout import Checkout, find_checkout, reject_unfinished
from scaffold.update.merge import (
    Merged,
    Resolution,
    Side,
    Unmerged,
    add_sides,
    differing,
    drop_replaced,
    make_merge_repository,
    merge,
)


class Mode(Enum):
    """How far an update goes."""

    CHECK = "check"  # says what differs from what is committed, whatever the state of the work tree
    DRY_RUN = "dry run"  # does all but write
    WRITE = "write"


@dataclass(frozen=True)
class Sources:
    """The templates of today, and the archive of those of released versions."""

    templates: Path = field(default_factory=templates_directory)
    releases: Path = field(default_factory=releases_directory)


@dataclass(frozen=True)
class UpdateRequest:
    """What the user asked for. `base` is the commit that has the project as it was generated."""

    directory: Path
    answers: Mapping[str, str] = field(default_factory=dict)  # in place of recorded ones, and new ones
    base: str | None = None
    mode: Mode = Mode.WRITE


@dataclass(frozen=True)
class Question:
    """An answer that today's templates take and the project has not given."""

    key: str
    words: str
    default: str
    choices: tuple[str, ...]  # none: any text


@dataclass(frozen=True)
class Change:
    """A file of the project, what becomes of it (a word), and why, where that needs to be said."""

    path: str
    what: str
    why: str = ""


@dataclass(frozen=True)
class Updated:
    """What an update did, or would do."""

    project: Path
    is_top: bool  # the project is a whole repository
    name: str
    before: str  # versions
    now: str
    files: tuple[Change, ...]  # that change
    left: tuple[Change, ...]  # that do not, though the templates' did
    taken: Mapping[str, str]  # new answers that nobody gave: their defaults
    mode: Mode

    @property
    def conflicts(self) -> list[Change]:
        """The files in which the user has to decide."""
        return [change for change in self.files if change.what == Resolution.CONFLICT]

    @property
    def exit_code(self) -> int:
        """1 when something is left to do: for whoever checks, or where the user has to decide."""
        return int(bool(self.files if self.mode is Mode.CHECK else self.conflicts and self.mode is Mode.WRITE))


def update(request: UpdateRequest, sources: Sources | None = None) -> Updated:
    """Merge the templates' changes since the project was made into it, as far as `request.mode` says.

    Raises:
        InvalidAnswersError: with all answers that are wrong.
        UnavailableError: git is too old, the project is newer than this command, or its old templates are unknown.
        DiskError, GitError, TemplateError: it could not be done; the project is as it was.
        UsageError: there is no such project, or its state allows no update.
    """
    sources = sources or Sources()
    checkout = find_checkout(request.directory)
    if request.mode is not Mode.CHECK:
        reject_unfinished(checkout)
    record = checkout.read_record()
    framework = _framework_for(checkout, record, sources)
    now = framework.settings["_version"]
    project = _renewed(record, request.answers, checkout, framework)
    try:
        with tempfile.TemporaryDirectory(prefix="ebpf-new-") as place:
            for name in ("now", "origin"):
                Path(place, name).mkdir()
            theirs = render(project, framework, Path(place, "now"))
            if request.base is None:
                made = find_base(checkout, record, sources.releases, theirs, Path(place, "origin"))
            else:
                made = base_at_commit(checkout, request.base)
            same = not request.answers
            merged = update_tree(checkout, made, theirs, now, Path(place), request.mode, same_answers=same)
    except OSError as error:
        raise DiskError(f"cannot work in {tempfile.gettempdir()}: {error.strerror or error}") from error
    files, left = _described(checkout, merged)
    nobody_gave = {
        question.key: question.default for question in _questions(record, checkout, framework, request.answers)
    }
    before = str(record.version)
    return Updated(
        request.directory, checkout.is_top, project.name, before, now, files, left, nobody_gave, request.mode
    )


def update_tree(
    checkout: Checkout, made: Side, theirs: Side, version: str, place: Path, mode: Mode, same_answers: bool = False
) -> Merged:
    """Merge `theirs`, the project by the templates of `version`, into the user's, and write it if `mode` says so.

    `made` is the project as it was generated, and `place` a directory to work in. If the answers are the same, and so
    are the templates but for their version, nothing is to be done.

    Raises:
        DiskError, GitError, UsageError: it cannot be; the project is as it was.
    """
    repository, label = make_merge_repository(checkout, place), f"ebpf-new-{version}"
    add_sides(repository, made, theirs, label)
    if same_answers and differing(repository, label) == [checkout.prefix + RECORD]:
        return Merged((), {}, ())
    shed = drop_replaced(repository, label)
    merged = merge(repository, label)
    merged = replace(merged, specials=(*merged.specials, *shed))
    if mode is not Mode.CHECK:
        reject_blocked(checkout, merged.changes)
    if mode is Mode.WRITE and (merged.changes or merged.unmerged):
        apply_merge(repository, merged)
    return merged


def parse_answers(words: Sequence[str]) -> dict[str, str]:
    """Return the answers in `words`, each KEY=VALUE.

    Raises:
        InvalidAnswersError: some are not so.
    """
    bad = [word for word in words if not word.partition("=")[0] or "=" not in word]
    if bad:
        raise InvalidAnswersError(
            [Problem("--answer", f"{word!r} is not KEY=VALUE, as in license=MIT") for word in bad]
        )
    return dict(word.split("=", 1) for word in words)


def unanswered_questions(request: UpdateRequest, sources: Sources | None = None) -> list[Question]:
    """Return what today's templates ask and neither the project nor `request` answers.

    Raises:
        UnavailableError, GitError, TemplateError, UsageError: as `update`.
    """
    checkout = find_checkout(request.directory)
    record = checkout.read_record()
    framework = _framework_for(checkout, record, sources or Sources())
    return _questions(record, checkout, framework, request.answers)


def _framework_for(checkout: Checkout, record: Record, sources: Sources) -> Framework:
    """Return the framework that the project is to be updated by."""
    script = checkout.project / SCRIPT_DATA
    if script.is_file() and script.with_suffix(".py").is_file():
        raise UsageError(
            f"{checkout.project} is a template for others, with patches that fit nothing but what they were made for;"
            " make it again by ebpf-new export, and copy that over it"
        )
    framework = load_catalog(sources.templates).get(record.framework)
    if not framework:
        raise UnavailableError(
            f"{checkout.project} was made by the framework {record.framework}, which this version lacks"
        )
    now = framework.settings["_version"]
    if record.version > Version(now):
        raise UnavailableError(
            f"{checkout.project} was made by ebpf-new {record.version}, and this is the older {now}; upgrade ebpf-new"
        )
    return framework


def _renewed(record: Record, given: Mapping[str, str], checkout: Checkout, framework: Framework) -> Project:
    """Return the project that the recorded and the given answers describe."""
    frameworks = {framework.name: framework}
    answers = _complete(record, given, checkout, framework)
    changeable = [key for key in answers if key != "framework"]
    problems = [
        Problem(f"--answer {key}", f"there is no such answer to give; allowed is {' | '.join(changeable)}")
        for key in given
        if key not in changeable
    ]
    for problem in find_problems(answers, frameworks):
        key = "name" if problem.answer == "NAME" else problem.answer.removeprefix("--")
        problems.append(replace(problem, answer=f"--answer {key}"))
    if problems:
        raise InvalidAnswersError(problems)
    return Project.of(answers, frameworks)


def _complete(record: Record, given: Mapping[str, str], checkout: Checkout, framework: Framework) -> dict[str, str]:
    known = {**record.answers, **given, "framework": record.framework}
    wishes: dict[str, Any] = {
        each.name: known[each.name] for each in fields(ProjectRequest) if each.default is None and each.name in known
    }
    request = ProjectRequest(Path("/", known["name"]), **wishes)
    settings = read_valid_git_settings(checkout.project)
    answers = complete_answers(request, {framework.name: framework}, settings)
    return {key: known.get(key, default) for key, default in answers.items()}


def _questions(record: Record, checkout: Checkout, framework: Framework, given: Mapping[str, str]) -> list[Question]:
    # A framework that has no use for an answer has no words to ask for it either.
    prompts = {key: words for key, words in framework.prompts.items() if key not in record.answers and key not in given}
    if not prompts:
        return []
    answers = _complete(record, given, checkout, framework)
    choices = {
        "license": framework.licenses,
        "program": tuple(program.name for program in framework.programs),
        "lang": framework.languages,
    }
    return [
        Question(key, words, answers[key], choices.get(key, ())) for key, words in prompts.items() if key in answers
    ]


def _described(checkout: Checkout, merged: Merged) -> tuple[tuple[Change, ...], tuple[Change, ...]]:
    """Return the files that change and those that do not, by their paths in the project."""

    def inside(path: str) -> str:
        return path.removeprefix(checkout.prefix)

    found = {}
    for change in merged.changes:
        what = "added" if not change.old else "removed" if not change.new else "changed"
        found[change.path] = Change(inside(change.path), what)
    for each in merged.specials:
        if each.fate is Resolution.CONFLICT:
            found[each.path] = Change(inside(each.path), each.fate, each.why)
    left = [Change(inside(each.path), each.fate, _why_left(each)) for each in merged.specials if each.path not in found]
    return tuple(found[path] for path in sorted(found)), tuple(left)


def _why_left(special: Unmerged) -> str:
    if special.fate is Resolution.STAYS:
        return "you changed it, and the templates no longer have it"
    if special.why == "file/directory":
        return "you have something else in place of its directory"
    return "you deleted it, and it has changed in the templates"
