# SPDX-License-Identifier: BSD-2-Clause
"""A request takes defaults for the answers that it lacks, from the framework and from valid git settings."""

from pathlib import Path

import pytest

from scaffold.project.catalog import load_catalog
from scaffold.project.git import GitSettings
from scaffold.project.model import Project
from scaffold.project.request import ProjectRequest, complete_answers, read_valid_git_settings, target_path

CATALOG = load_catalog()
FIRST = next(iter(CATALOG.values()))


@pytest.mark.parametrize(
    ("name", "target"),
    [
        ("hello", "/srv/hello"),
        ("labs/hello/", "/srv/labs/hello"),
        ("../hello", "/hello"),
        ("/hello", "/hello"),
        ("/labs/hello", "/labs/hello"),
        ("labs/..", "/srv/labs/.."),
    ],
)
def test_the_name_may_be_a_path(name: str, target: str) -> None:
    assert target_path(name, Path("/srv")) == Path(target)


def test_defaults_and_given_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "0")
    settings = GitSettings("Ada", "ada@example.org")
    answers = complete_answers(ProjectRequest(Path("/hello"), FIRST.name), CATALOG, settings)
    assert list(answers) == list(Project.__dataclass_fields__)
    assert (answers["author"], answers["email"], answers["year"]) == ("Ada", "ada@example.org", "1970")
    assert (answers["program"], answers["license"]) == (FIRST.programs[0].name, FIRST.licenses[0])
    request = ProjectRequest(Path("/hello"), author="", license="MIT")
    answers = complete_answers(request, CATALOG, settings)
    assert (answers["framework"], answers["author"], answers["license"]) == ("", "", "MIT")


def test_git_settings_that_are_not_valid_answers_are_not_used(tmp_path: Path, git_config: Path) -> None:
    git_config.write_text('[user]\n name = "a\\nb"\n email = E\n[init]\n defaultBranch = trunk\n')
    assert read_valid_git_settings(tmp_path) == GitSettings("", "E", "trunk")
