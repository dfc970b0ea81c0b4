# SPDX-License-Identifier: BSD-2-Clause
"""What there is to check in a course: its repositories, and the tests that they have to pass.

The test is the template's, rendered for the name and program that the course's index gives: a test that stands in the
repository could be changed to pass.
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

TEST = "test/vmtest.toml"


@dataclass(frozen=True)
class Submission:
    """A repository to be checked; `problem` is what keeps it from that, and `manifest` is None then."""

    name: str  # no two have the same
    directory: Path
    framework: str = ""
    author: str = ""
    email: str = ""
    more: Mapping[str, str] = field(default_factory=dict)  # columns of the roster
    manifest: Manifest | None = None
    problem: str = ""
    missing: bool = False


def find_submissions(course: Path, own_manifests: bool, build_seconds: float) -> list[Submission]:
    """Return the repositories of the directory `course`: those in its index, or without one all that have a test.

    With `own_manifests` the test is the repository's own. A build gets `build_seconds`.

    Raises:
        UsageError: there is no repository, or the index is damaged.
    """
    if not course.is_dir():
        raise UsageError(f"{course} is not a directory")
    frameworks = load_catalog()
    if (course / INDEX_CSV).exists():
        entries = read_index(course)
    else:
        entries = [_entry(path) for path in sorted(course.iterdir()) if path.name[0] != "." and (path / TEST).exists()]
    if not entries:
        raise UsageError(f"{course} has no {INDEX_CSV}, and no directory with a {TEST} in it: nothing is to be checked")
    return [_submission(course, entry, frameworks, own_manifests, build_seconds) for entry in entries]


def _entry(path: Path) -> Entry:
    """Return what the repository at `path` says of itself, as the index of a course would; it is the student's word."""
    try:
        answers = parse_recorded_answers(read_text(path, RECORD))
    except (OSError, UnicodeDecodeError):
        answers = {}
    known = {key: str(answers.get(key, "")) for key in ("framework", "program", "author", "email", "owner")}
    own_name = str(answers.get("name", path.name))
    return Entry(row=None, name=own_name, path=path.name, commit="", status=EntryStatus.OTHER, more={}, **known)


def _submission(
    course: Path, entry: Entry, frameworks: Mapping[str, Framework], own_manifests: bool, build_seconds: float
) -> Submission:
    directory = course / entry.path
    found = Submission(entry.path, directory, entry.framework, entry.author, entry.email, entry.more)
    if not directory.is_dir():
        return replace(found, problem="there is no repository", missing=True)
    try:
        if own_manifests:
            text = read_text(directory, TEST)
        elif entry.framework in frameworks:
            text = _fresh_test(entry, frameworks)
        else:
            return replace(found, problem=f"{RECORD} does not say which framework it is of: see --own-manifest")
        manifest = _manifest(directory, text)
    except InvalidAnswersError as error:
        return replace(found, problem=str(error))
    except ManifestError as error:
        return replace(found, problem=str(error))
    except UnicodeDecodeError as error:
        return replace(found, problem=f"{TEST}: {error}")
    except OSError as error:
        return replace(found, problem=f"{TEST}: {error.strerror}")
    manifest = replace(manifest, project=found.name, build_seconds=min(manifest.build_seconds, build_seconds))
    return replace(found, framework=manifest.framework, manifest=manifest)


def _fresh_test(entry: Entry, frameworks: Mapping[str, Framework]) -> str:
    framework = frameworks[entry.framework]
    answers = dict.fromkeys(Project.__dataclass_fields__, "") | {
        "name": entry.name,
        "framework": entry.framework,
        "program": entry.program or framework.programs[0].name,
        "license": framework.licenses[0],
        "lang": framework.languages[0],
        "module": default_module("", entry.name) if "module" in framework.own_answers else "",
    }
    return render_file(TEST, Project.of(answers, frameworks), framework)


def _manifest(directory: Path, text: str) -> Manifest:
    with tempfile.NamedTemporaryFile("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        try:
            return load_manifest(directory, Path(file.name))
        except ManifestError as error:
            raise ManifestError(str(error).replace(file.name, TEST)) from error
