# SPDX-License-Identifier: BSD-2-Clause
"""What the projects of a test are called, on one machine or on many."""

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


def pairs_of(directory: Path, projects: Mapping[str, str], *, template: bool = False) -> list[Case]:
    """Make a project for each of `projects`, its name by the directory, and pair it with a kernel."""
    for place, name in projects.items():
        (directory / place / "test").mkdir(parents=True)
        (directory / place / "test/vmtest.toml").write_text(MANIFEST.replace("NAME", name))
    pairs = [Case(place, "6.1", "amd64") for place in projects]
    return [*pairs, *([Case(FRAMEWORK, "6.1", "amd64", template=True)] if template else [])]


def called(pairs: list[Case], chosen: list[Case] | None = None) -> list[str]:
    with plan_jobs(pairs if chosen is None else chosen, pairs, None) as runs:
        return [run.manifest.project for run in runs]


def test_a_project_has_its_own_name_when_no_other_has(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    pairs = pairs_of(tmp_path, {"x/one": "hello", "x/two": "world", "y": "hello"}, template=True)
    assert called(pairs) == ["x/one", "world", "y", FRAMEWORK]


def test_parts_on_many_machines_call_them_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    pairs = pairs_of(tmp_path, {"x/one": "hello", "x/two": "world", "y": "hello"}, template=True)
    parts = [called(pairs, shard_items(pairs, Shard(number, 4))) for number in range(1, 5)]
    assert parts == [[name] for name in called(pairs)]


@given(st.dictionaries(NAMES, NAMES, min_size=1), st.booleans())
def test_no_two_are_called_the_same(projects: dict[str, str], template: bool) -> None:
    before = Path.cwd()
    with tempfile.TemporaryDirectory() as place:
        os.chdir(place)
        try:
            names = called(pairs_of(Path(place), projects, template=template))
        finally:
            os.chdir(before)
    assert len(set(names)) == len(projects) + template


def test_a_manifest_of_another_part_is_read_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    pairs = pairs_of(tmp_path, {"one": "hello", "two": "world"})
    (tmp_path / "two/test/vmtest.toml").unlink()
    with pytest.raises(UsageError, match="two"):
        called(pairs, pairs[:1])
