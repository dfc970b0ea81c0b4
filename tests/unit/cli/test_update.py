# SPDX-License-Identifier: BSD-2-Clause
"""`ebpf-new update`: its output for each mode. tests/render/test_update_command.py runs whole sessions."""

from dataclasses import replace
from pathlib import Path

import pytest

from scaffold.cli.update import _print_result as print_result
from scaffold.update.merge import ChangeKind, Resolution
from scaffold.update.update import FileStatus, Mode, UpdateResult
from tests.conftest import Command

RESULT = UpdateResult(
    project=Path("my labs/hello"), is_whole_repository=True, name="hello", from_version="1.0", to_version="1.1",
    files=(FileStatus("Makefile", ChangeKind.CHANGED), FileStatus("guide\x1b.md", Resolution.CONFLICT, "contents")),
    kept=(FileStatus("last.md", Resolution.STAYS_DELETED, "you deleted it"),), defaults={"owner": "a\x1bb"},
    mode=Mode.WRITE,
)  # fmt: skip


def printed(result: UpdateResult, capsys: pytest.CaptureFixture[str]) -> str:
    print_result(result)
    output = capsys.readouterr()
    assert output.err == ""
    return output.out


@pytest.mark.parametrize("mode", Mode)
def test_every_mode_prints_the_files(mode: Mode, capsys: pytest.CaptureFixture[str]) -> None:
    text = printed(replace(RESULT, mode=mode), capsys)
    assert text.startswith("hello, 1.0 to 1.1: 2 files ")
    assert "  changed        Makefile\n" in text
    assert "  stays deleted  last.md (you deleted it)\n" in text
    assert "--answer owner=" in text and "\x1b" not in text


def test_next_commands(capsys: pytest.CaptureFixture[str]) -> None:
    assert "ebpf-new update 'my labs/hello'\n" in printed(replace(RESULT, mode=Mode.CHECK), capsys)
    assert "--dry-run" in printed(replace(RESULT, mode=Mode.DRY_RUN), capsys)
    commands = [line.strip() for line in printed(RESULT, capsys).splitlines() if line.startswith("  git ")]
    assert [command.partition("   #")[0] for command in commands] == [
        "git -C 'my labs/hello' diff HEAD",
        "git -C 'my labs/hello' commit --message \"Update to ebpf-new 1.1\"",
        "git -C 'my labs/hello' reset --hard",
    ]


def test_in_a_larger_repository_the_commands_name_the_directory(capsys: pytest.CaptureFixture[str]) -> None:
    text = printed(replace(RESULT, project=Path(), is_whole_repository=False), capsys)
    assert "  git diff HEAD -- .   #" in text
    assert "  git add --update . && git restore --source=HEAD --staged --worktree .   #" in text


def test_up_to_date(capsys: pytest.CaptureFixture[str]) -> None:
    (line,) = printed(replace(RESULT, files=(), kept=()), capsys).splitlines()
    assert "hello" in line and "up to date" in line and "1.1" in line


@pytest.mark.parametrize("arguments", [[], ["--answer", "license"], ["gone"]])
def test_wrong_usage(ebpf_new: Command, arguments: list[str]) -> None:
    done = ebpf_new("update", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: ")
