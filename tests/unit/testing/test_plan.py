# SPDX-License-Identifier: BSD-2-Clause
"""Project names are unique and the same on every machine."""

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaffold.errors import UsageError
from scaffold.project.catalog import frameworks
from scaffold.testing.plan import plan_jobs
from scaffold.testing.selection import Case, Shard, shard_items

FRAMEWORK = frameworks()[0].name
MANIFEST = r"""
[project]
name = "NAME"
[guest]
files = ["hello"]
[program]
command = ["./hello"]
ready = "Attached"
[event]
trigger = ["echo"]
pattern = 'PID (?P<pid>[0-9]+)'
"""
NAMES = st.sampled_from(["a", "b", "c", FRAMEWORK])


def create_cases(directory: Path, projects: Mapping[str, str], *, template: bool = False) -> list[Case]:
    """Create `projects`, a mapping of directories to names, and return a case for each, and one for a template."""
    for path, name in projects.items():
        (directory / path / "test").mkdir(parents=True)
        (directory / path / "test/vmtest.toml").write_text(MANIFEST.replace("NAME", name))
    cases = [Case(path, "6.1", "amd64") for path in projects]
    return [*cases, *([Case(FRAMEWORK, "6.1", "amd64", template=True)] if template else [])]


def planned_names(cases: list[Case], part: list[Case] | None = None) -> list[str]:
    with plan_jobs(cases if part is None else part, cases, None) as jobs:
        return [job.manifest.project for job in jobs]


def test_a_unique_name_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    cases = create_cases(tmp_path, {"x/one": "hello", "x/two": "world", "y": "hello"}, template=True)
    assert planned_names(cases) == ["x/one", "world", "y", FRAMEWORK]


def test_names_are_the_same_on_every_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    cases = create_cases(tmp_path, {"x/one": "hello", "x/two": "world", "y": "hello"}, template=True)
    parts = [planned_names(cases, shard_items(cases, Shard(number, 4))) for number in range(1, 5)]
    assert parts == [[name] for name in planned_names(cases)]


@given(st.dictionaries(NAMES, NAMES, min_size=1), st.booleans())
def test_names_are_unique(projects: dict[str, str], template: bool) -> None:
    before = Path.cwd()
    with tempfile.TemporaryDirectory() as directory:
        os.chdir(directory)
        try:
            cases = create_cases(Path(directory), projects, template=template)
            # The template is in another part, because its project takes long to create. Its name is reserved anyway.
            names = planned_names(cases, [case for case in cases if not case.template])
        finally:
            os.chdir(before)
    assert len({*names, *([FRAMEWORK] if template else [])}) == len(projects) + template


def test_manifests_of_other_parts_are_checked_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    cases = create_cases(tmp_path, {"one": "hello", "two": "world"})
    (tmp_path / "two/test/vmtest.toml").unlink()
    with pytest.raises(UsageError, match="two"):
        planned_names(cases, cases[:1])
