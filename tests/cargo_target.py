# SPDX-License-Identifier: BSD-2-Clause
"""Give each repository a cargo target directory in which every crate except its own is already compiled."""

import os
import shutil
import tempfile
from functools import cache
from pathlib import Path

from tests.toolchains import CARGO_TARGET

MIN_LINK_BYTES = 65536

_copies: dict[Path, Path] = {}  # by repository


@cache
def _session_directory() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="cargo-target-")


def cargo_target(repository: Path) -> Path:
    """Return the target directory of `repository`, a copy of the one that tools/cargo-target.sh built.

    Two repositories never share a directory: cargo compares times, and would not compile a source that is older.
    """
    if repository not in _copies:
        directory = Path(tempfile.mkdtemp(dir=_session_directory().name), "target")
        _copies[repository] = shutil.copytree(CARGO_TARGET, directory, copy_function=_link_or_copy)
    return _copies[repository]


def copy_compiled_crates(repository: Path) -> None:
    """Copy the compiled crates to the default target directory of `repository` if it is a Rust project."""
    directory = repository / "build/cargo"
    if (repository / "Cargo.toml").exists() and not directory.exists():
        shutil.copytree(CARGO_TARGET, directory, copy_function=_link_or_copy)


def _link_or_copy(source: str, target: str) -> None:
    """Link a large file if possible, because cargo never writes into it; otherwise copy it."""
    if os.path.getsize(source) >= MIN_LINK_BYTES:
        try:
            os.link(source, target)
            return
        except OSError:
            pass
    shutil.copy2(source, target)
