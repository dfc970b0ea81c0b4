# SPDX-License-Identifier: BSD-2-Clause
"""`ebpf-new update`: its output for each mode. tests/render/test_update_command.py runs whole sessions."""

from dataclasses import replace
from pathlib import Path

import pytest

from scaffold.cli.update import _print_updated as print_updated
from scaffold.update.update import Change, Mode, Updated
from tests.conftest import Command

UPDATED = Updated(
    project=Path("my labs/hello"), is_top=True, name="hello", before="1.0", now="1.1",
    files=(Change("Makefile", "changed"), Change("guide\x1b.md", "conflict", "contents")),
    left=(Change("last.md", "stays deleted", "you deleted it"),), taken={"owner": "a\x1bb"}, mode=Mode.WRITE,
)  # fmt: skip


def printed(updated: Updated, capsys: pytest.CaptureFixture[str]) -> str:
    print_updated(updated)
    output = capsys.readouterr()
    assert output.err == ""
    return output.out


@pytest.mark.parametrize("mode", Mode)
def test_every_mode_prints_the_files(mode: Mode, capsys: pytest.CaptureFixture[str]) -> None:
    text = printed(replace(UPDATED, mode=mode), capsys)
    assert text.startswith("hello, 1.0 to 1.1: 2 files ")
    assert "  changed        Makefile\n" in text
    assert "  stays deleted  last.md (you deleted it)\n" in text
    assert "--answer owner=" in text and "\x1b" not in text


def test_next_commands(capsys: pytest.CaptureFixture[str]) -> None:
    assert "ebpf-new update 'my labs/hello'\n" in printed(replace(UPDATED, mode=Mode.CHECK), capsys)
    assert "--dry-run" in printed(replace(UPDATED, mode=Mode.DRY_RUN), capsys)
    commands = [line.strip() for line in printed(UPDATED, capsys).splitlines() if line.startswith("  git ")]
    assert [command.partition("   #")[0] for command in commands] == [
        "git -C 'my labs/hello' diff HEAD",
        "git -C 'my labs/hello' commit --message \"Update to ebpf-new 1.1\"",
        "git -C 'my labs/hello' reset --hard",
    ]


def test_in_a_larger_repository_the_commands_name_the_directory(capsys: pytest.CaptureFixture[str]) -> None:
    text = printed(replace(UPDATED, project=Path(), is_top=False), capsys)
    assert "  git diff HEAD -- .   #" in text
    assert "  git add --update . && git restore --source=HEAD --staged --worktree .   #" in text


def test_up_to_date(capsys: pytest.CaptureFixture[str]) -> None:
    (line,) = printed(replace(UPDATED, files=(), left=()), capsys).splitlines()
    assert "hello" in line and "up to date" in line and "1.1" in line


@pytest.mark.parametrize("arguments", [[], ["--answer", "license"], ["gone"]])
def test_wrong_usage(ebpf_new: Command, arguments: list[str]) -> None:
    done = ebpf_new("update", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: ")
