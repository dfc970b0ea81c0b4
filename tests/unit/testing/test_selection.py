# SPDX-License-Identifier: BSD-2-Clause
"""Which pairs are chosen, and how they are shared out."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaffold.errors import UsageError
from scaffold.project.catalog import default_kernels, frameworks
from scaffold.testing.selection import (
    GITHUB_JOBS,
    Case,
    Shard,
    parse_shard,
    select_cases,
    select_shard,
    shard_items,
    strategy,
)
from tests.conftest import Command

FRAMEWORKS = [framework.name for framework in frameworks()]


@given(st.lists(st.integers(), max_size=300), st.integers(1, 40))
def test_every_item_is_in_one_part_and_parts_are_even(items: list[int], count: int) -> None:
    parts = [shard_items(items, Shard(number, count)) for number in range(1, count + 1)]
    assert [item for each in parts for item in each] == items
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


@pytest.mark.parametrize("text", ["", "1", "0/4", "5/4", "1/0", "-1/4", "1/4/2", "a/b", "1/ 4", "\u0661/4"])
def test_what_is_no_shard(text: str) -> None:
    with pytest.raises(UsageError, match="which of how many parts"):
        parse_shard(text)


def test_a_shard_is_written_as_it_is_read() -> None:
    assert str(parse_shard("2/4")) == "2/4"


def test_kernels_are_those_of_the_project_or_those_named(tmp_path: Path) -> None:
    (tmp_path / "test").mkdir()
    assert [pair.kernel for pair in select_cases([tmp_path], None, False, None, None, "amd64")] == ["distro"]
    (tmp_path / "test/kernels").write_text("# some\n5.10  # the oldest\n\n6.1\n")
    assert [pair.kernel for pair in select_cases([tmp_path], None, False, None, None, "amd64")] == ["5.10", "6.1"]
    named = select_cases([tmp_path], None, False, ["6.12"], tmp_path / "test/kernels", "amd64")
    assert [pair.kernel for pair in named] == ["6.12", "5.10", "6.1"]


def test_pairs_stand_project_by_project_and_each_once(tmp_path: Path) -> None:
    pairs = select_cases([tmp_path, tmp_path], FRAMEWORKS[:1], False, ["6.1", "6.12", "6.1"], None, "arm64")
    assert pairs == [
        Case(str(tmp_path), "6.1", "arm64"),
        Case(str(tmp_path), "6.12", "arm64"),
        Case(FRAMEWORKS[0], "6.1", "arm64", template=True),
        Case(FRAMEWORKS[0], "6.12", "arm64", template=True),
    ]


def test_all_templates_on_the_default_kernels() -> None:
    pairs = select_cases(None, None, True, None, None, None)
    assert [(pair.project, pair.kernel) for pair in pairs] == [
        (name, kernel) for name in FRAMEWORKS for kernel in default_kernels()
    ]


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["no-such"], "no-such is not a directory"),
        (["--template", "bcc"], f"--template bcc: there are {', '.join(FRAMEWORKS)}"),
        (["--all-templates", "--arch", "mips"], "--arch mips: there are amd64 and arm64"),
        (["--all-templates", "--kernels", "no-such"], "--kernels no-such: No such file"),
        (["--all-templates", "--kernels", "empty"], "no kernel stands in it"),
        (["--all-templates", "--kernels", "binary/test/kernels"], "--kernels binary/test/kernels: 'utf-8' codec"),
        (["binary"], "binary/test/kernels: 'utf-8' codec"),
    ],
)
def test_what_cannot_be_chosen(ebpf_new: Command, tmp_path: Path, arguments: list[str], complaint: str) -> None:
    (tmp_path / "empty").write_text("# none\n")
    (tmp_path / "binary/test").mkdir(parents=True)
    (tmp_path / "binary/test/kernels").write_bytes(b"\xff")
    for command in ("matrix", "test"):
        done = ebpf_new(command, *arguments)
        assert (done.returncode, done.stdout) == (2, "")
        assert complaint in done.stderr and "Traceback" not in done.stderr


def test_the_matrix_is_what_github_takes(ebpf_new: Command) -> None:
    whole = json.loads(ebpf_new("matrix", "--all-templates", "--kernel", "6.1", "--json").stdout)
    assert [(each["project"], each["kernel"]) for each in whole["include"]] == [(name, "6.1") for name in FRAMEWORKS]
    shards = json.loads(ebpf_new("matrix", "--all-templates", "--kernel", "6.1", "--shards", "3", "--json").stdout)
    assert shards == {"shard": ["1/3", "2/3", "3/3"]}
    assert f"{len(FRAMEWORKS)} pairs" in ebpf_new("matrix", "--all-templates", "--kernel", "6.1").stdout


def test_there_are_never_more_shards_than_pairs() -> None:
    pairs = [Case("a", kernel, "amd64") for kernel in ("5.10", "6.1")]
    assert strategy(pairs, 7) == {"shard": ["1/2", "2/2"]}
    with pytest.raises(UsageError, match="only 2 pairs"):
        select_shard(pairs, "1/7")


def test_more_jobs_than_github_has_are_refused() -> None:
    pairs = [Case(str(number), "6.1", "amd64") for number in range(GITHUB_JOBS + 1)]
    with pytest.raises(UsageError, match="--shards"):
        strategy(pairs, None)
    with pytest.raises(UsageError, match="--shards"):
        strategy(pairs, GITHUB_JOBS + 1)
    assert len(strategy(pairs, GITHUB_JOBS)["shard"]) == GITHUB_JOBS  # type: ignore[arg-type]
