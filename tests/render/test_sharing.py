# SPDX-License-Identifier: BSD-2-Clause
"""Lines that two frameworks have in common are in templates/_shared, not in each of them."""

import itertools
import re
from pathlib import Path

import pytest

from tests.render.trees import CATALOG

MAX_COMMON_LINES = 6
TAG = re.compile(r"\[%.*%\]|\[#.*#\]")
FORMAL = re.compile(r"(//|#) SPDX-License-Identifier: |#include <")  # every file of this kind needs it


def own_lines(framework: str) -> set[str]:
    """The lines in files of the framework alone, without blank lines, template tags, includes and licence lines."""
    directory = CATALOG[framework].directory
    files = [path for path in directory.rglob("*") if path.is_file() and not has_link(path, directory)]
    assert files
    lines = {line.strip() for path in files for line in path.read_text().splitlines()}
    return {line for line in lines if re.search(r"\w", TAG.sub("", line)) and not FORMAL.match(line)}


def has_link(path: Path, root: Path) -> bool:
    """Tell whether `path` is below a symbolic link in `root`, or one itself."""
    return any(parent.is_symlink() for parent in (path, *path.parents) if parent.is_relative_to(root))


@pytest.mark.parametrize(("one", "other"), list(itertools.combinations(CATALOG, 2)))
def test_siblings_share_few_lines(one: str, other: str) -> None:
    common = own_lines(one) & own_lines(other)
    assert len(common) <= MAX_COMMON_LINES, sorted(common)
