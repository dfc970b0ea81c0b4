# SPDX-License-Identifier: BSD-2-Clause
"""The files that a run adds to the guest."""

import os
import re
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from scaffold.vmtest.architecture import ARCHITECTURES
from scaffold.vmtest.bpf_counter import counter_program
from scaffold.vmtest.errors import ManifestError
from scaffold.vmtest.manifest import EventSource, Manifest
from scaffold.vmtest.run import check_architecture, external_entries, payload_entries, program_files

MARK = "vmtest-0123456789abcdef"


def manifest(root: Path, *files: str) -> Manifest:
    return Manifest(
        root=root, project="hello", framework="", files=files, memory=256, command=("./hello", "a b", "{pid}"),
        filter=("--pid={pid}", "$x"), ready="it's", source=EventSource.TRACE, trigger=("echo", "{token}"),
        pattern=re.compile("(?P<pid>1)"), seconds=30, boot_seconds=120,
    )  # fmt: skip


def test_files_directories_and_links_have_their_targets(tmp_path: Path) -> None:
    (tmp_path / "build").mkdir()
    (tmp_path / "build/hello").write_bytes(b"\x7fELF")
    (tmp_path / "build/hello").chmod(0o750)
    (tmp_path / "build/link").symlink_to("hello")
    (tmp_path / "conf/empty").mkdir(parents=True)
    (tmp_path / "conf/deep/er").mkdir(parents=True)
    (tmp_path / "conf/deep/er/x").write_text("x")
    (tmp_path / "conf/way").symlink_to("../no/where")
    os.mkfifo(tmp_path / "conf/pipe")
    project = manifest(tmp_path, "build/hello", "build/link:bin/other", "conf:/etc/hello")
    entries = {entry.path: entry for entry in payload_entries(project, MARK) if not entry.path.startswith("run/")}
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
    assert [path.name for path in program_files(project)] == ["hello", "hello", "x"]


def test_links_to_files_outside_of_the_project_are_external(tmp_path: Path) -> None:
    root = tmp_path / "project"
    (root / "build").mkdir(parents=True)
    (tmp_path / "tool").write_text("tool")
    (tmp_path / "tools/deep").mkdir(parents=True)
    (tmp_path / "tools/deep/x").write_text("x")
    (root / "build/hello").write_text("hello")
    (root / "build/tool").symlink_to(tmp_path / "tool")
    (root / "build/tools").symlink_to(tmp_path / "tools")
    (tmp_path / "other build").mkdir()
    (tmp_path / "other build/y").write_text("y")
    (root / "out").symlink_to(tmp_path / "other build")
    (tmp_path / "link to project").symlink_to(root)
    project = manifest(tmp_path / "link to project", "build/hello", "build/tool", "build/tools", "out/y")
    paths = {entry.path for entry in payload_entries(project, MARK)}
    assert paths == {"run/steps.sh", "run/settings.sh", "app/hello", "app/y"}
    assert {entry.path for entry in external_entries(project)} == {
        "app/tool",
        "app/tools",
        "app/tools/deep",
        "app/tools/deep/x",
    }


@pytest.mark.parametrize(
    ("build", "hint"),
    [(None, "(`make`)"), (("./build.sh", "a b"), "(`./build.sh 'a b'`)"), ((), "")],
    ids=["default", "custom", "none"],
)
def test_a_missing_file_gives_the_build_command(tmp_path: Path, build: tuple[str, ...] | None, hint: str) -> None:
    project = manifest(tmp_path, "x")
    with pytest.raises(ManifestError) as caught:
        program_files(project if build is None else replace(project, build=build))
    assert hint in caught.value.hint and bool(hint) == bool(caught.value.hint)
    assert str(tmp_path / "x") in caught.value.message


def test_a_circular_link_is_a_missing_file(tmp_path: Path) -> None:
    (tmp_path / "x").symlink_to("x")
    with pytest.raises(ManifestError, match="x not found"):
        program_files(manifest(tmp_path, "x"))


def test_a_program_for_another_architecture_gives_the_build_command(tmp_path: Path) -> None:
    for name, architecture in ARCHITECTURES.items():
        (tmp_path / name).write_bytes(counter_program(architecture))
    (tmp_path / "script").write_text("#!/bin/sh\n")
    check_architecture([tmp_path / "amd64", tmp_path / "script"], ARCHITECTURES["amd64"])
    with pytest.raises(ManifestError) as caught:
        check_architecture([tmp_path / "amd64"], ARCHITECTURES["arm64"])
    assert all(fact in caught.value.message for fact in (str(tmp_path / "amd64"), "x86_64", "aarch64"))
    assert "make ARCH=arm64" in caught.value.hint
