# SPDX-License-Identifier: BSD-2-Clause
"""A cargo target directory for each repository, in which all but the repository's own crate is compiled."""

import os
import shutil
import tempfile
from functools import cache
from pathlib import Path

from tests.toolchains import CARGO_TARGET

SMALL = 65536  # bytes

_copies: dict[Path, Path] = {}  # by repository


@cache
def _session() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="cargo-target-")


def cargo_target(repository: Path) -> Path:
    """Return the target directory of `repository`, which is a copy of the one that tools/cargo-target.sh made.

    No two repositories share one: cargo looks at times, and takes a copy of an older source for built.
    """
    if repository not in _copies:
        place = Path(tempfile.mkdtemp(dir=_session().name), "target")
        _copies[repository] = shutil.copytree(CARGO_TARGET, place, copy_function=_take)
    return _copies[repository]


def bring_crates(repository: Path) -> None:
    """Put that copy where the make of `repository` has it when it is not told of another place."""
    place = repository / "build/cargo"
    if (repository / "Cargo.toml").exists() and not place.exists():
        shutil.copytree(CARGO_TARGET, place, copy_function=_take)


def _take(source: str, target: str) -> None:
    """Copy a file; the large ones, which are compiled and never written into, are linked where that can be."""
    if os.path.getsize(source) >= SMALL:
        try:
            os.link(source, target)
            return
        except OSError:
            pass
    shutil.copy2(source, target)
