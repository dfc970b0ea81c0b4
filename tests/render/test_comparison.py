# SPDX-License-Identifier: BSD-2-Clause
"""The facts in docs/comparison.md: the compared templates, who has what, and the files in our repositories."""

import re
from functools import cache
from pathlib import Path

import pytest

from tests.paths import ROOT
from tests.render.starters import starter
from tests.render.trees import CATALOG, rendered

HEADINGS = ["Compared templates", "What the templates have", "What only ebpf-new has"]
FILE = re.compile(r"`([^` ]+)`(?: \(([^)]+)\))?")
TITLES = {framework.title: name for name, framework in CATALOG.items()}


@cache
def read_tables() -> dict[str, list[list[str]]]:
    """The cells of each table by its heading, without the column titles."""
    sections = re.split(r"^## (.+)\n", (ROOT / "docs/comparison.md").read_text(), flags=re.MULTILINE)
    tables = {}
    for heading, text in zip(sections[1::2], sections[2::2], strict=True):
        rows = [line.strip("|").split(" | ") for line in text.splitlines() if line.startswith("| ")]
        tables[heading] = [[cell.strip() for cell in row] for row in rows[2:]]
    return tables


@pytest.fixture(scope="module")
def projects(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A generated repository of each framework."""
    directory = tmp_path_factory.mktemp("comparison")
    return {name: rendered(directory, name, name=f"x-{name}") for name in CATALOG}


def missing_in(file: str, kind: str, projects: dict[str, Path]) -> list[str]:
    """The frameworks whose repositories lack the file; `kind` is "", a framework's title, or "exported"."""
    assert kind in ("", "exported", *TITLES), kind
    frameworks = [TITLES[kind]] if kind in TITLES else list(CATALOG)
    roots = {name: starter("with owner", name) if kind == "exported" else projects[name] for name in frameworks}
    return [name for name, root in roots.items() if not (root / file).is_file()]


def test_each_compared_template_has_a_letter_and_a_commit() -> None:
    assert list(read_tables()) == HEADINGS
    for name, letter, commit, date in read_tables()[HEADINGS[0]]:
        assert re.fullmatch(r"eunomia-bpf/[\w-]+", name) and re.fullmatch(r"[A-Z]", letter), name
        assert re.fullmatch(r"[0-9a-f]{7}", commit) and re.fullmatch(r"\w+ 20\d\d", date), name


def test_each_row_names_the_templates_that_have_it() -> None:
    letters = "".join(letter for _, letter, _, _ in read_tables()[HEADINGS[0]])
    theirs, only_ours = (read_tables()[heading] for heading in HEADINGS[1:])
    assert len(theirs) > 30 and {len(row) for row in theirs} == {4}
    assert len(only_ours) > 10 and {len(row) for row in only_ours} == {3}
    pattern = re.compile(rf"[{letters}]( [{letters}])*\b|none$")
    assert [row for row in theirs if not pattern.match(row[1])] == []


def test_named_files_exist(projects: dict[str, Path]) -> None:
    for *_, here, files in [row for heading in HEADINGS[1:] for row in read_tables()[heading]]:
        if files == "-":
            assert "**No**" in here or "`[skip ci]`" in here, here
            continue
        assert not here.startswith("**No**"), here
        assert re.fullmatch(rf"{FILE.pattern}(, {FILE.pattern})*", files), files
        assert [(file, kind) for file, kind in FILE.findall(files) if missing_in(file, kind, projects)] == []


def test_a_missing_file_is_reported(projects: dict[str, Path]) -> None:
    assert missing_in("nonsense", "", projects) == list(CATALOG)
    assert missing_in("tools/rename.py", "exported", projects) == []
    assert missing_in("tools/rename.py", "", projects) == list(CATALOG)
