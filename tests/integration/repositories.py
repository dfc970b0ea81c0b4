# SPDX-License-Identifier: BSD-2-Clause
"""Generated repositories: making one, calling its own make, looking at what is in it."""

import json
import os
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any

from tests.cargo_target import cargo_target
from tests.render.trees import rendered

# Texts that every language involved would like to read as something else.
DESCRIPTION = 'Says "안녕 🐝": C:\\new */ {{ x }} $(touch pwned) `id` %s ???/ \\'
AUTHOR = 'Ada "Countess" O\'Byron \\ */ 한글'


def render(framework: str, directory: Path, **answers: str) -> Path:
    """Render a project below `directory` and return where it is."""
    directory.mkdir(exist_ok=True)
    defaults = {"name": "my-tool", "author": "", "email": ""}
    return rendered(directory, framework, **{**defaults, **answers})


def framework_of(repository: Path) -> str:
    """The framework that the repository was rendered from, as it records it itself."""
    return str(json.loads((repository / ".ebpf-new.json").read_text())["answers"]["framework"])


def make(repository: Path, *arguments: str, path: str | None = None) -> subprocess.CompletedProcess[str]:
    """Run the repository's make and return what it did, both outputs in `stdout`."""
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
    """Run the repository's make, which must succeed, and return what it printed."""
    done = make(repository, *arguments)
    assert done.returncode == 0, done.stdout
    return done.stdout


def manifest(repository: Path) -> dict[str, Any]:
    """What test/vmtest.toml says."""
    return tomllib.loads((repository / "test/vmtest.toml").read_text())


def guest_files(repository: Path) -> list[bytes]:
    """What `make` has built for the guest."""
    return [(repository / file).read_bytes() for file in manifest(repository)["guest"]["files"]]


def files_of(directory: Path) -> set[Path]:
    """The paths of all files below `directory`, relative to it, without those of git."""
    files = {path.relative_to(directory) for path in directory.rglob("*") if path.is_file()}
    return {path for path in files if path.parts[0] != ".git"}
