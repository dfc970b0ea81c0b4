# SPDX-License-Identifier: BSD-2-Clause
"""The repositories of a course that are checked, each with the manifest of the test that it must pass.

The manifest is rendered from the template, for the name and program in the index of the course. The repository's own
manifest does not count, because its author can change it to pass.
"""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from scaffold.course.entry import Entry, EntryStatus
from scaffold.course.index import INDEX_CSV, read_index
from scaffold.course.safe_read import read_text
from scaffold.errors import InvalidAnswersError, UsageError
from scaffold.generate.render import render_file
from scaffold.project.catalog import Framework, load_catalog
from scaffold.project.go_module import default_module
from scaffold.project.model import Project
from scaffold.project.record import RECORD, parse_recorded_answers
from scaffold.vmtest.errors import ManifestError
from scaffold.vmtest.manifest import Manifest, load_manifest

MANIFEST = "test/vmtest.toml"


@dataclass(frozen=True)
class Submission:
    """A repository to check. If it cannot be checked, `problem` is the reason and `manifest` is None."""

    name: str  # unique in the course
    directory: Path
    framework: str = ""
    author: str = ""
    email: str = ""
    more: Mapping[str, str] = field(default_factory=dict)  # columns of the roster, by name
    manifest: Manifest | None = None
    problem: str = ""
    is_missing: bool = False


def find_submissions(course: Path, own_manifests: bool, build_seconds: float) -> list[Submission]:
    """Return the repositories in the directory `course`: those in its index, or without an index those with a manifest.

    With `own_manifests` each repository's own manifest counts. A build ends after `build_seconds` at most.

    Raises:
        UsageError: the directory has no repository, or its index is damaged.
    """
    if not course.is_dir():
        raise UsageError(f"{course} is not a directory", hint='give the directory that "ebpf-new course new" created')
    frameworks = load_catalog()
    if (course / INDEX_CSV).exists():
        entries = read_index(course)
    else:
        repositories = (path for path in course.iterdir() if path.name[0] != "." and (path / MANIFEST).exists())
        entries = [_read_entry(path) for path in sorted(repositories)]
    if not entries:
        message = f"nothing to check: {course} has no {INDEX_CSV}, and no directory in it contains a {MANIFEST}"
        raise UsageError(message, hint='"ebpf-new course new" creates a course')
    return [_submission(course, entry, frameworks, own_manifests, build_seconds) for entry in entries]


def _read_entry(repository: Path) -> Entry:
    """Return the entry that an index would have, from the record in the repository, which its author can edit."""
    try:
        answers = parse_recorded_answers(read_text(repository, RECORD))
    except (OSError, UnicodeDecodeError):
        answers = {}
    if "name" not in answers:  # incomplete, so no answer in it counts
        answers = {}
    return Entry(
        row=None,
        name=str(answers.get("name", repository.name)),
        framework=str(answers.get("framework", "")),
        program=str(answers.get("program", "")),
        path=repository.name,
        author=str(answers.get("author", "")),
        email=str(answers.get("email", "")),
        owner=str(answers.get("owner", "")),
        commit="",
        status=EntryStatus.OTHER,
    )


def _submission(
    course: Path, entry: Entry, frameworks: Mapping[str, Framework], own_manifests: bool, build_seconds: float
) -> Submission:
    directory = course / entry.path
    submission = Submission(entry.path, directory, entry.framework, entry.author, entry.email, entry.more)
    if not directory.is_dir():
        return replace(submission, problem="the repository is missing", is_missing=True)
    try:
        if own_manifests:
            text = read_text(directory, MANIFEST)
        elif entry.framework in frameworks:
            text = _render_manifest(entry, frameworks)
        else:
            problem = f"{RECORD} does not name a known framework; --own-manifest checks the repository without it"
            return replace(submission, problem=problem)
        manifest = _parse_manifest(directory, text)
    except (InvalidAnswersError, ManifestError) as error:
        return replace(submission, problem=str(error))
    except UnicodeDecodeError as error:
        return replace(submission, problem=f"{MANIFEST}: {error}")
    except OSError as error:
        return replace(submission, problem=f"{MANIFEST}: {error.strerror}")
    manifest = replace(manifest, project=submission.name, build_seconds=min(manifest.build_seconds, build_seconds))
    return replace(submission, framework=manifest.framework, manifest=manifest)


def _render_manifest(entry: Entry, frameworks: Mapping[str, Framework]) -> str:
    """Return the manifest of a new project with the name, framework and program of `entry`."""
    framework = frameworks[entry.framework]
    answers = dict.fromkeys(Project.__dataclass_fields__, "") | {
        "name": entry.name,
        "framework": entry.framework,
        "program": entry.program or framework.programs[0].name,
        "license": framework.licenses[0],
        "lang": framework.languages[0],
        "module": default_module("", entry.name) if "module" in framework.own_answers else "",
    }
    return render_file(MANIFEST, Project.of(answers, frameworks), framework)


def _parse_manifest(directory: Path, text: str) -> Manifest:
    with tempfile.NamedTemporaryFile("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        try:
            return load_manifest(directory, Path(file.name))
        except ManifestError as error:
            raise ManifestError(error.message.replace(file.name, MANIFEST), hint=error.hint) from error
