# SPDX-License-Identifier: BSD-2-Clause
"""What two frameworks have in common stands once, in templates/_shared."""

import itertools
import re
from pathlib import Path

import pytest

from tests.render.trees import CATALOG

AT_MOST = 6
TAG = re.compile(r"\[%.*%\]|\[#.*#\]")
FORMAL = re.compile(r"(//|#) SPDX-License-Identifier: |#include <")  # no file of its kind does without


def own_lines(framework: str) -> set[str]:
    """The lines that say something and stand in its own files: not in a link, not blank, no mere tag or form."""
    directory = CATALOG[framework].directory
    files = [path for path in directory.rglob("*") if path.is_file() and not has_link(path, directory)]
    assert files
    lines = {line.strip() for path in files for line in path.read_text().splitlines()}
    return {line for line in lines if re.search(r"\w", TAG.sub("", line)) and not FORMAL.match(line)}


def has_link(path: Path, root: Path) -> bool:
    """Tell whether `path` is below a symbolic link in `root`, or one itself."""
    return any(place.is_symlink() for place in (path, *path.parents) if place.is_relative_to(root))


@pytest.mark.parametrize(("one", "other"), list(itertools.combinations(CATALOG, 2)))
def test_siblings_share_few_lines(one: str, other: str) -> None:
    common = own_lines(one) & own_lines(other)
    assert len(common) <= AT_MOST, sorted(common)
