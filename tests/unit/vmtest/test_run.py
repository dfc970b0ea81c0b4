# SPDX-License-Identifier: BSD-2-Clause
"""What a run puts into the guest, and what it tells the steps there."""

import os
import re
import stat
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from scaffold.vmtest.errors import ManifestError
from scaffold.vmtest.manifest import Manifest
from scaffold.vmtest.run import payload_entries, program_files, settings, tool_entries
from scaffold.vmtest.verdict import run_words

MARK = "vmtest-0123456789abcdef"


def manifest(root: Path, *files: str) -> Manifest:
    return Manifest(
        root=root, project="hello", framework="", files=files, memory=256, command=("./hello", "a b", "{pid}"),
        filter=("--pid={pid}", "$x"), ready="it's", source="trace", trigger=("echo", "{token}"),
        pattern=re.compile("(?P<pid>1)"), seconds=30, boot_seconds=120,
    )  # fmt: skip


def said_by(text: str, call: str) -> list[str]:
    """What the shell makes of the settings: the words that `call` would start, one a line."""
    text = text.replace("exec ", "printf '%s\\n' ")
    done = subprocess.run(["sh", "-c", f"{text}\n{call}"], check=True, capture_output=True, text=True)
    return done.stdout.splitlines()


def test_every_word_reaches_the_shell_as_it_is(tmp_path: Path) -> None:
    text = settings(manifest(tmp_path, "x"), MARK)
    assert said_by(text, "program") == ["./hello", "a b", "{pid}"]
    assert said_by(text, "program_for 98") == ["./hello", "a b", "{pid}", "--pid=98", "$x"]
    assert said_by(text, "trigger") == ["echo", run_words(MARK.encode())["token"]]
    assert said_by(text, 'echo "$ready $steps,$sought"') == ["it's all filtered,"]


@pytest.mark.parametrize("proof", ["token", "port"])
def test_only_the_trigger_holds_the_word_that_proves_an_event(tmp_path: Path, proof: str) -> None:
    one = replace(
        manifest(tmp_path, "x"), filter=(), trigger=("cat", f"/tmp/{{{proof}}}"), pattern=re.compile(f"(?P<{proof}>1)")
    )
    text, word = settings(one, MARK), run_words(MARK.encode())[proof]
    assert [line for line in text.splitlines() if word in line] == [f"trigger() {{ exec cat /tmp/{word}; }}"]
    (sought,) = said_by(text, 'echo "$sought"')
    assert word not in sought
    assert re.fullmatch(sought, word)
    assert said_by(text, 'echo "$steps"') == ["all"]


def test_files_directories_and_links_come_to_their_places(tmp_path: Path) -> None:
    (tmp_path / "build").mkdir()
    (tmp_path / "build/hello").write_bytes(b"\x7fELF")
    (tmp_path / "build/hello").chmod(0o750)
    (tmp_path / "build/link").symlink_to("hello")
    (tmp_path / "conf/empty").mkdir(parents=True)
    (tmp_path / "conf/deep/er").mkdir(parents=True)
    (tmp_path / "conf/deep/er/x").write_text("x")
    (tmp_path / "conf/way").symlink_to("../no/where")
    os.mkfifo(tmp_path / "conf/pipe")
    one = manifest(tmp_path, "build/hello", "build/link:bin/other", "conf:/etc/hello")
    entries = {entry.path: entry for entry in payload_entries(one, MARK) if not entry.path.startswith("run/")}
    kinds = {path: stat.S_IFMT(entry.mode) for path, entry in entries.items()}
    assert kinds == {
        "app/hello": stat.S_IFREG,
        "app/bin/other": stat.S_IFREG,
        "etc/hello": stat.S_IFDIR,
        "etc/hello/empty": stat.S_IFDIR,
        "etc/hello/deep": stat.S_IFDIR,
        "etc/hello/deep/er": stat.S_IFDIR,
        "etc/hello/deep/er/x": stat.S_IFREG,
        "etc/hello/way": stat.S_IFLNK,
    }
    assert (entries["app/hello"].data, stat.S_IMODE(entries["app/hello"].mode)) == (b"\x7fELF", 0o754)
    assert entries["etc/hello/way"].data == b"../no/where"
    assert [path.name for path in program_files(one)] == ["hello", "hello", "x"]


def test_what_is_a_link_out_of_the_project_is_part_of_the_saved_guest(tmp_path: Path) -> None:
    root = tmp_path / "project"
    (root / "build").mkdir(parents=True)
    (tmp_path / "tool").write_text("tool")
    (tmp_path / "tools/deep").mkdir(parents=True)
    (tmp_path / "tools/deep/x").write_text("x")
    (root / "build/hello").write_text("hello")
    (root / "build/tool").symlink_to(tmp_path / "tool")
    (root / "build/tools").symlink_to(tmp_path / "tools")
    (tmp_path / "built elsewhere").mkdir()
    (tmp_path / "built elsewhere/y").write_text("y")
    (root / "out").symlink_to(tmp_path / "built elsewhere")
    (tmp_path / "other name").symlink_to(root)
    one = manifest(tmp_path / "other name", "build/hello", "build/tool", "build/tools", "out/y")
    own = {entry.path for entry in payload_entries(one, MARK)}
    assert own == {"run/steps.sh", "run/settings.sh", "app/hello", "app/y"}
    assert {entry.path for entry in tool_entries(one)} == {
        "app/tool",
        "app/tools",
        "app/tools/deep",
        "app/tools/deep/x",
    }


@pytest.mark.parametrize(
    ("build", "hint"),
    [(None, "(`make`)"), (("./build.sh", "a b"), "(`./build.sh 'a b'`)"), ((), "x is not there")],
    ids=["default", "own", "none"],
)
def test_a_file_that_is_not_there(tmp_path: Path, build: tuple[str, ...] | None, hint: str) -> None:
    one = manifest(tmp_path, "x")
    with pytest.raises(ManifestError) as caught:
        program_files(one if build is None else replace(one, build=build))
    assert str(caught.value).endswith(hint)
    assert str(tmp_path / "x") in str(caught.value)


def test_a_link_in_a_circle_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "x").symlink_to("x")
    with pytest.raises(ManifestError, match="is not there"):
        program_files(manifest(tmp_path, "x"))
