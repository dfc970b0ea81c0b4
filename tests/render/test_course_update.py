# SPDX-License-Identifier: BSD-2-Clause
"""`ebpf-new course new --update`: the repositories of a course get the new templates and keep the students' edits."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.conftest import CompletedProcess, git
from tests.render.histories import commit_all, install_version

ROSTER = "name\nada\nbob\neve\n"


def course_new(installation: Path, directory: Path, *options: str) -> CompletedProcess:
    """Run the command of `installation` with the roster in `directory`."""
    command = [sys.executable, "-m", "scaffold", "course", "new", "roster.csv", "-o", "labs", "-f", "libbpf", *options]
    environment = {**os.environ, "PYTHONPATH": str(installation)}
    return subprocess.run(command, cwd=directory, env=environment, capture_output=True, text=True, check=False)


def test_every_repository_is_updated_or_its_problem_is_reported(tmp_path: Path) -> None:
    first, second = install_version("1.0", tmp_path / "first"), install_version("1.1", tmp_path / "second")
    (tmp_path / "roster.csv").write_text(ROSTER)
    assert course_new(first, tmp_path).returncode == 0
    labs = tmp_path / "labs"
    guide = labs / "ada/docs/guide.md"
    guide.write_text(guide.read_text().replace("Line 7 of", "My line 7 of"))
    commit_all(labs / "ada")
    (labs / "bob/Makefile").write_text("# mine\n")
    (tmp_path / "roster.csv").write_text(ROSTER + "new\n")

    dry = course_new(second, tmp_path, "--update", "--dry-run")
    assert dry.returncode == 1 and "eve: " in dry.stdout and "would change" in dry.stdout
    assert not (labs / "new").exists() and not (labs / "eve/NEWS.md").exists()

    done = course_new(second, tmp_path, "--update", "--json")
    assert done.returncode == 1, done.stderr
    updates: dict[str, dict[str, Any]] = {update["name"]: update for update in json.loads(done.stdout)["updates"]}
    assert list(updates) == ["ada", "bob", "eve"]
    assert updates["ada"]["conflicts"] == ["docs/guide.md"] and "<<<<<<<" in guide.read_text()
    assert "Makefile" in updates["bob"]["problem"] and (labs / "bob/Makefile").read_text() == "# mine\n"
    assert not updates["eve"]["conflicts"] and not updates["eve"]["problem"]
    for name in ("eve", "new"):
        assert (labs / name / "NEWS.md").exists()
    assert "NEWS.md" in git(labs / "eve", "status", "--porcelain") and not git(labs / "new", "status", "--porcelain")

    for name in ("ada", "bob"):
        git(labs / name, "reset", "--quiet", "--hard")
    commit_all(labs / "eve")
    guide.write_text(guide.read_text().replace("My line 7 of", "Line 7 of"))
    commit_all(labs / "ada")
    again = course_new(second, tmp_path, "--update")
    assert again.returncode == 0, again.stdout + again.stderr
    assert "eve: up to date" in again.stdout
