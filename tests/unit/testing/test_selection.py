# SPDX-License-Identifier: BSD-2-Clause
"""Selected cases, and how they are split into shards and a GitHub matrix."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaffold.errors import UsageError
from scaffold.project.catalog import default_kernels, frameworks
from scaffold.testing.selection import (
    MAX_GITHUB_JOBS,
    Case,
    Shard,
    github_matrix,
    parse_shard,
    select_cases,
    select_shard,
    shard_items,
)
from tests.conftest import Command

FRAMEWORKS = [framework.name for framework in frameworks()]


@given(st.lists(st.integers(), max_size=300), st.integers(1, 40))
def test_every_item_is_in_one_part_and_parts_are_even(items: list[int], count: int) -> None:
    parts = [shard_items(items, Shard(number, count)) for number in range(1, count + 1)]
    assert [item for part in parts for item in part] == items
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


@pytest.mark.parametrize("text", ["", "1", "0/4", "5/4", "1/0", "-1/4", "1/4/2", "a/b", "1/ 4", "\u0661/4"])
def test_an_invalid_shard(text: str) -> None:
    with pytest.raises(UsageError, match=r"--shard .*I/N") as error:
        parse_shard(text)
    assert repr(text) in error.value.message


def test_a_shard_is_printed_as_it_is_parsed() -> None:
    assert str(parse_shard("2/4")) == "2/4"


def test_kernels_come_from_the_options_or_the_project(tmp_path: Path) -> None:
    (tmp_path / "test").mkdir()
    assert [case.kernel for case in select_cases([tmp_path], None, False, None, None, "amd64")] == ["distro"]
    (tmp_path / "test/kernels").write_text("# some\n5.10  # the oldest\n\n6.1\n")
    assert [case.kernel for case in select_cases([tmp_path], None, False, None, None, "amd64")] == ["5.10", "6.1"]
    named = select_cases([tmp_path], None, False, ["6.12"], tmp_path / "test/kernels", "amd64")
    assert [case.kernel for case in named] == ["6.12", "5.10", "6.1"]


def test_cases_are_ordered_by_project_without_duplicates(tmp_path: Path) -> None:
    cases = select_cases([tmp_path, tmp_path], FRAMEWORKS[:1], False, ["6.1", "6.12", "6.1"], None, "arm64")
    assert cases == [
        Case(str(tmp_path), "6.1", "arm64"),
        Case(str(tmp_path), "6.12", "arm64"),
        Case(FRAMEWORKS[0], "6.1", "arm64", template=True),
        Case(FRAMEWORKS[0], "6.12", "arm64", template=True),
    ]


def test_all_templates_on_the_default_kernels() -> None:
    cases = select_cases(None, None, True, None, None, None)
    assert [(case.project, case.kernel) for case in cases] == [
        (name, kernel) for name in FRAMEWORKS for kernel in default_kernels()
    ]


@pytest.mark.parametrize(
    ("arguments", "facts"),
    [
        (["no-such"], ["no-such is not a directory"]),
        (["--template", "bcc"], ["--template bcc", *FRAMEWORKS]),
        (["--all-templates", "--arch", "mips"], ["--arch mips", "amd64", "arm64"]),
        (["--all-templates", "--kernels", "no-such"], ["--kernels no-such", "No such file"]),
        (["--all-templates", "--kernels", "empty"], ["--kernels empty", "no kernel"]),
        (["--all-templates", "--kernels", "binary/test/kernels"], ["--kernels binary/test/kernels", "'utf-8' codec"]),
        (["binary"], ["binary/test/kernels", "'utf-8' codec"]),
    ],
)
@pytest.mark.parametrize("command", ["matrix", "test"])
def test_invalid_selections(
    ebpf_new: Command, tmp_path: Path, command: str, arguments: list[str], facts: list[str]
) -> None:
    (tmp_path / "empty").write_text("# none\n")
    (tmp_path / "binary/test").mkdir(parents=True)
    (tmp_path / "binary/test/kernels").write_bytes(b"\xff")
    done = ebpf_new(command, *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert all(fact in done.stderr for fact in facts), done.stderr


def test_the_matrix_has_the_format_of_github_actions(ebpf_new: Command) -> None:
    matrix = ["matrix", "--all-templates", "--kernel", "6.1"]
    cases = json.loads(ebpf_new(*matrix, "--json").stdout)["include"]
    assert [(case["project"], case["kernel"]) for case in cases] == [(name, "6.1") for name in FRAMEWORKS]
    assert {frozenset(case) for case in cases} == {frozenset(("project", "kernel", "arch", "template"))}
    shards = json.loads(ebpf_new(*matrix, "--shards", "3", "--json").stdout)
    assert shards == {"shard": ["1/3", "2/3", "3/3"]}
    # docs/scale.md and kernels.yml take the count from the last line.
    assert ebpf_new(*matrix).stdout.splitlines()[-1].split()[0] == str(len(FRAMEWORKS))


def test_there_are_at_most_as_many_shards_as_cases() -> None:
    cases = [Case("a", kernel, "amd64") for kernel in ("5.10", "6.1")]
    assert github_matrix(cases, 7) == {"shard": ["1/2", "2/2"]}
    with pytest.raises(UsageError, match=r"--shard 1/7: .*2 cases"):
        select_shard(cases, "1/7")


def test_more_jobs_than_github_allows_are_an_error() -> None:
    cases = [Case(str(number), "6.1", "amd64") for number in range(MAX_GITHUB_JOBS + 1)]
    for shards in (None, MAX_GITHUB_JOBS + 1):
        with pytest.raises(UsageError, match=r"257 jobs .*256") as error:
            github_matrix(cases, shards)
        assert "--shards N" in error.value.hint
    assert len(github_matrix(cases, MAX_GITHUB_JOBS)["shard"]) == MAX_GITHUB_JOBS  # type: ignore[arg-type]
