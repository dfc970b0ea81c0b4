# SPDX-License-Identifier: BSD-2-Clause
"""What the documents say is so: links, commands, frameworks and dependencies."""

import re
import tomllib
from pathlib import Path

import pytest

from scaffold.project.catalog import load_catalog

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])
TEMPLATES = ROOT / "templates"
MAKEFILES = (ROOT / "Makefile", TEMPLATES / "_shared" / "Makefile.j2", *TEMPLATES.glob("*/*/Makefile"))


def targets() -> set[str]:
    return {target for path in MAKEFILES for target in re.findall(r"^([a-z-]+):.*## ", path.read_text(), re.MULTILINE)}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(document: Path) -> None:
    links = re.findall(r"\]\(([^)#]+)\)", document.read_text())
    gone = [link for link in links if "://" not in link and not (document.parent / link).exists()]
    assert gone == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_targets_exist(document: Path) -> None:
    named = re.findall(r"(?:^|`|&& )make ((?:[a-z][a-z-]* ?)+)", document.read_text(), re.MULTILINE)
    assert {target for words in named for target in words.split()} <= targets()


def test_readme_has_a_row_for_each_framework() -> None:
    rows = [f"| {each.title} | {each.language} | {each.choose} |" for each in load_catalog().values()]
    table = re.search(r"\| framework \|.*\n\| --- .*\n((?:\|.*\n)+)", (ROOT / "README.md").read_text())
    assert table and table[1].splitlines() == rows


@pytest.mark.parametrize("document", ["README.md", "docs/frameworks.md"])
def test_figures_of_every_framework_stand_side_by_side(document: str) -> None:
    (table,) = re.findall(
        r"^\| framework \| first build \|.*\n\|[ |-]*\|\n((?:\|.*\n)+)", (ROOT / document).read_text(), re.M
    )
    figures = re.compile(r"\| (.+?) \| ([\d.]+ s) \| [\d.]+ s \| ([\d.]+ [kM]B) \| [\d.]+ s \| \d+ \|")
    assert [match.groups() for match in map(figures.fullmatch, table.splitlines()) if match] == [
        (each.title, each.first_build, each.shipped) for each in load_catalog().values()
    ]
    assert table in (ROOT / "README.md").read_text()


def test_every_framework_has_a_section() -> None:
    sections = re.findall(r"^## (.+) \((.+)\)$", (ROOT / "docs" / "frameworks.md").read_text(), re.MULTILINE)
    assert sections == [(each.title, each.language) for each in load_catalog().values()]


def test_every_dependency_has_its_reason() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    groups = [project["project"]["dependencies"], *project["dependency-groups"].values()]
    named = {re.split(r"[<>=]", each)[0] for group in groups for each in group if isinstance(each, str)}
    reasons = (ROOT / "docs" / "architecture.md").read_text()
    table = reasons[reasons.index("## Dependencies") :]
    assert [name for name in sorted(named) if not name.startswith("types-") and name not in table] == []


def test_every_lock_is_renewed_by_its_own_head() -> None:
    locks = {path.name: path.read_text() for path in ROOT.glob("requirements*.lock")}
    assert set(re.findall(r"requirements[\w-]*\.lock", (ROOT / "tools/lock.sh").read_text())) == set(locks)
    for name, text in locks.items():
        command = text.splitlines()[1]
        assert command.startswith("#    uv pip compile ") and command.endswith(f" --no-annotate -o {name}")
        assert "--generate-hashes" in command and "--no-emit-index-url" in command and "://" not in text
