# SPDX-License-Identifier: BSD-2-Clause
"""Which changes tools/watch.py of a repository counts as a save, and the time that it reports."""

import os
import runpy
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.render.trees import CATALOG, rendered

FIRST = next(iter(CATALOG))
PROGRAM = "src/minimal.bpf.c"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A repository, which is the working directory too."""
    root = rendered(tmp_path, FIRST)
    monkeypatch.chdir(root)
    monkeypatch.syspath_prepend(str(root / "test"))
    yield root
    for name in [name for name in sys.modules if name.split(".")[0] == "vmtest"]:
        del sys.modules[name]


@pytest.fixture
def script(project: Path) -> dict[str, Any]:
    """The functions of the script."""
    return runpy.run_path(str(project / "tools/watch.py"))


def test_sources_are_watched_and_build_results_are_not(project: Path, script: dict[str, Any]) -> None:
    (project / ".gitignore").open("a").write("# Mine\n\n*.log\n/tools/generated.txt\n")
    sources = {"Makefile", PROGRAM, "src/new.h", "test/vmtest.toml", "test/vmtest/run.py", "docs/building.md"}
    ignored = ["build/x", "dist/x", "a.log", "tools/generated.txt", "src/__pycache__/x.pyc", ".git/index", ".direnv/x"]
    ignored += ["src/.minimal.bpf.c.swp", "src/minimal.bpf.c~", "src/#minimal.bpf.c#", "src/.#minimal.bpf.c"]
    for name in [*sources, *ignored]:
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).touch()
    watched = set(script["scan_files"]())
    assert sources <= watched
    assert watched & set(ignored) == set()


def test_without_gitignore_every_file_is_watched(project: Path, script: dict[str, Any]) -> None:
    (project / ".gitignore").unlink()
    assert PROGRAM in script["scan_files"]()


def move_here(project: Path) -> None:
    """Replace the program with an older file."""
    (project / "old").write_text("older")
    os.utime(project / "old", (1e9, 1e9))
    (project / "old").rename(project / PROGRAM)


def save_in_the_future(project: Path) -> None:
    """Save with the time of a file server whose clock is ahead."""
    os.utime(project / PROGRAM, (4e9, 4e9))


CHANGES = {
    "written": lambda project: (project / PROGRAM).write_text("new"),
    "deleted": lambda project: (project / PROGRAM).unlink(),
    "moved here": move_here,
    "in the future": save_in_the_future,
}


@pytest.mark.parametrize("change", CHANGES)
def test_the_time_of_a_save(project: Path, script: dict[str, Any], change: str) -> None:
    before, since = script["scan_files"](), time.time()
    CHANGES[change](project)
    files, path, saved = script["wait_for_save"](before, since)
    assert (files, path) == (script["scan_files"](), PROGRAM)
    assert since - 0.1 <= saved <= time.time()  # the file system's clock is coarser
