# SPDX-License-Identifier: BSD-2-Clause
"""The files that docs/comparison.md names are in the repositories."""

import re
from pathlib import Path

import pytest

from tests.paths import ROOT
from tests.render.starters import starter
from tests.render.trees import CATALOG, rendered

ROWS = [
    [cell.strip() for cell in line.strip("|").split(" | ")]
    for line in (ROOT / "docs/comparison.md").read_text().partition("## What they have\n")[2].splitlines()
    if line.startswith("| ") and not line.startswith(("| ---", "| point"))
]
FILE = re.compile(r"`([^` ]+)`(?: \(([^)]+)\))?")
TITLES = {framework.title: name for name, framework in CATALOG.items()}


def named(cell: str) -> list[tuple[str, str]]:
    """The files of a cell, each with the kind of repository that has it ("": all)."""
    assert re.fullmatch(rf"{FILE.pattern}(, {FILE.pattern})*", cell), cell
    return FILE.findall(cell)


def missing(file: str, where: str, directory: Path) -> list[str]:
    """The repositories that should have the file and have not."""
    assert where in ("", "exported", *TITLES), where
    frameworks = [TITLES[where]] if where in TITLES else list(CATALOG)
    roots = [
        starter("with owner", name) if where == "exported" else rendered(directory, name, name=f"x-{name}")
        for name in frameworks
    ]
    return [root.name for root in roots if not (root / file).is_file()]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_named_files_exist(row: list[str], tmp_path: Path) -> None:
    here, files = row[-2:]
    if files == "-":
        assert "**No**" in here or "GitHub itself" in here
    else:
        assert not here.startswith("**No**")
        gone = [(file, missing(file, where, tmp_path / str(n))) for n, (file, where) in enumerate(named(files))]
        assert [each for each in gone if each[1]] == []


def test_each_row_says_who_has_it() -> None:
    """The first table has four columns, the second, of what they have not, three."""
    width = [len(row) for row in ROWS]
    assert set(width) == {3, 4} and width == sorted(width, reverse=True)
    assert [row for row in ROWS if len(row) == 4 and not re.match(r"[LCRE]( [LCRE])*\b|none$", row[1])] == []


def test_a_file_that_is_not_there_is_found(tmp_path: Path) -> None:
    every = {f"x-{name}" for name in CATALOG}
    assert set(missing("nonsense", "", tmp_path / "1")) == every
    assert missing("tools/rename.py", "exported", tmp_path / "2") == []
    assert set(missing("tools/rename.py", "", tmp_path / "3")) == every
