# SPDX-License-Identifier: BSD-2-Clause
"""Render a repository, run its own make, and read its files."""

import json
import os
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any

from tests.cargo_target import cargo_target
from tests.render.trees import rendered

# Texts with characters that are special in each of the languages into which they are rendered.
DESCRIPTION = 'Says "안녕 🐝": C:\\new */ {{ x }} $(touch pwned) `id` %s ???/ \\'
AUTHOR = 'Ada "Countess" O\'Byron \\ */ 한글'


def render(framework: str, directory: Path, **answers: str) -> Path:
    """Render a project below `directory` and return the path of the repository."""
    directory.mkdir(exist_ok=True)
    defaults = {"name": "my-tool", "author": "", "email": ""}
    return rendered(directory, framework, **{**defaults, **answers})


def framework_of(repository: Path) -> str:
    """Return the framework in the repository's .ebpf-new.json."""
    return str(json.loads((repository / ".ebpf-new.json").read_text())["answers"]["framework"])


def make(repository: Path, *arguments: str, path: str | None = None) -> subprocess.CompletedProcess[str]:
    """Run the repository's make and return the finished process, with stderr in `stdout`."""
    environment = dict(os.environ)
    if path:
        environment["PATH"] = path
    if (repository / "Cargo.toml").exists():
        environment["CARGO_TARGET_DIR"] = str(cargo_target(repository))
    command = [shutil.which("make") or "make", *arguments]
    return subprocess.run(
        command, cwd=repository, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )


def succeed(repository: Path, *arguments: str) -> str:
    """Run the repository's make, check that it succeeds, and return its output."""
    done = make(repository, *arguments)
    assert done.returncode == 0, done.stdout
    return done.stdout


def manifest(repository: Path) -> dict[str, Any]:
    """Return the tables of test/vmtest.toml."""
    return tomllib.loads((repository / "test/vmtest.toml").read_text())


def guest_files(repository: Path) -> list[bytes]:
    """Return the contents of the files that `make` built for the guest."""
    return [(repository / file).read_bytes() for file in manifest(repository)["guest"]["files"]]


def files_of(directory: Path) -> set[Path]:
    """Return the paths of all files below `directory`, relative to it, without .git."""
    files = {path.relative_to(directory) for path in directory.rglob("*") if path.is_file()}
    return {path for path in files if path.parts[0] != ".git"}
