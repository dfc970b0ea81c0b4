# SPDX-License-Identifier: BSD-2-Clause
"""What tools/watch.py of a repository takes for a save, and when it was."""

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
    """A repository, in which the script works."""
    root = rendered(tmp_path, FIRST)
    monkeypatch.chdir(root)
    monkeypatch.syspath_prepend(str(root / "test"))
    yield root
    for name in [name for name in sys.modules if name.split(".")[0] == "vmtest"]:
        del sys.modules[name]


@pytest.fixture
def script(project: Path) -> dict[str, Any]:
    """What the script defines."""
    return runpy.run_path(str(project / "tools/watch.py"))


def test_what_is_written_by_hand_is_watched_and_what_is_made_is_not(project: Path, script: dict[str, Any]) -> None:
    (project / ".gitignore").open("a").write("# Mine\n\n*.log\n/tools/made.txt\n")
    kept = {"Makefile", PROGRAM, "src/new.h", "test/vmtest.toml", "test/vmtest/run.py", "docs/building.md"}
    ignored = ["build/x", "dist/x", "a.log", "tools/made.txt", "src/__pycache__/x.pyc", ".git/index", ".direnv/x"]
    ignored += ["src/.minimal.bpf.c.swp", "src/minimal.bpf.c~", "src/#minimal.bpf.c#", "src/.#minimal.bpf.c"]
    for name in [*kept, *ignored]:
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).touch()
    watched = set(script["look"]())
    assert kept <= watched
    assert watched & set(ignored) == set()


def test_without_a_list_of_what_is_made_all_is_watched(project: Path, script: dict[str, Any]) -> None:
    (project / ".gitignore").unlink()
    assert PROGRAM in script["look"]()


def moved_here(project: Path) -> None:
    """An old file takes its place."""
    (project / "old").write_text("older")
    os.utime(project / "old", (1e9, 1e9))
    (project / "old").rename(project / PROGRAM)


def from_the_future(project: Path) -> None:
    """The file server's clock is fast."""
    os.utime(project / PROGRAM, (4e9, 4e9))


CHANGES = {
    "written": lambda project: (project / PROGRAM).write_text("new"),
    "gone": lambda project: (project / PROGRAM).unlink(),
    "moved here": moved_here,
    "from the future": from_the_future,
}


@pytest.mark.parametrize("change", CHANGES)
def test_the_time_of_a_save(project: Path, script: dict[str, Any], change: str) -> None:
    before, since = script["look"](), time.time()
    CHANGES[change](project)
    files, name, saved = script["next_save"](before, since)
    assert (files, name) == (script["look"](), PROGRAM)
    assert since - 0.1 <= saved <= time.time()  # a file system's clock has ticks
