# SPDX-License-Identifier: BSD-2-Clause
"""`ebpf-new course new --update`: the repositories of a course get newer templates, and what students did stays."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.conftest import Run, git
from tests.render.histories import commit, installed

ROSTER = "name\nada\nbob\neve\n"


def course_new(version: Path, place: Path, *options: str) -> Run:
    """What the command of `version` makes of the roster in `place`."""
    command = [sys.executable, "-m", "scaffold", "course", "new", "roster.csv", "-o", "labs", "-f", "libbpf", *options]
    environment = {**os.environ, "PYTHONPATH": str(version)}
    return subprocess.run(command, cwd=place, env=environment, capture_output=True, text=True, check=False)


def test_each_is_updated_or_told_why_not(tmp_path: Path) -> None:
    first, second = installed("1.0", tmp_path / "first"), installed("1.1", tmp_path / "second")
    (tmp_path / "roster.csv").write_text(ROSTER)
    assert course_new(first, tmp_path).returncode == 0
    labs = tmp_path / "labs"
    guide = labs / "ada/docs/guide.md"
    guide.write_text(guide.read_text().replace("Line 7 of", "My line 7 of"))
    commit(labs / "ada")
    (labs / "bob/Makefile").write_text("# mine\n")
    (tmp_path / "roster.csv").write_text(ROSTER + "new\n")

    tried = course_new(second, tmp_path, "--update", "--dry-run")
    assert tried.returncode == 1 and "eve: " in tried.stdout and "would change" in tried.stdout
    assert not (labs / "new").exists() and not (labs / "eve/NEWS.md").exists()

    done = course_new(second, tmp_path, "--update", "--json")
    assert done.returncode == 1, done.stderr
    found: dict[str, dict[str, Any]] = {each["name"]: each for each in json.loads(done.stdout)["updates"]}
    assert list(found) == ["ada", "bob", "eve"]
    assert found["ada"]["conflicts"] == ["docs/guide.md"] and "<<<<<<<" in guide.read_text()
    assert "commit them first" in found["bob"]["problem"] and (labs / "bob/Makefile").read_text() == "# mine\n"
    assert not found["eve"]["conflicts"] and not found["eve"]["problem"]
    for name in ("eve", "new"):
        assert (labs / name / "NEWS.md").exists()
    assert "NEWS.md" in git(labs / "eve", "status", "--porcelain") and not git(labs / "new", "status", "--porcelain")

    for name in ("ada", "bob"):
        git(labs / name, "reset", "--quiet", "--hard")
    commit(labs / "eve")
    guide.write_text(guide.read_text().replace("My line 7 of", "Line 7 of"))
    commit(labs / "ada")
    again = course_new(second, tmp_path, "--update")
    assert again.returncode == 0, again.stdout + again.stderr
    assert "eve: up to date" in again.stdout
