# SPDX-License-Identifier: BSD-2-Clause
"""A course in each language: its page and its repositories' READMEs, with the same commands in all of them."""

import re
import tomllib
from pathlib import Path

import pytest

from scaffold.course.entry import Entry, EntryStatus
from scaffold.course.index_markdown import TEXTS, index_markdown
from scaffold.project.catalog import frameworks, templates_directory
from tests.conftest import Command

LANGUAGES = frameworks()[0].languages
ENTRIES = [
    Entry(number, f"lab-{status}", "libbpf", "tracepoint", f"lab-{status}", "Ada", "", "acme", "0" * 40, status)
    for number, status in enumerate(EntryStatus)
]


def structure(text: str) -> list[str]:
    """Return the commands, links, headings' levels and lengths of rows of a page: all that is the same anywhere."""
    return re.findall(r"```sh\n.*?```|\]\([^)]*\)|^#+|\|", text, re.DOTALL | re.MULTILINE)


def test_every_language_has_a_page() -> None:
    assert sorted(path.stem for path in (templates_directory() / TEXTS).iterdir()) == sorted(LANGUAGES)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_pages_differ_in_words_alone(lang: str) -> None:
    english, other = index_markdown(ENTRIES, "en"), index_markdown(ENTRIES, lang)
    assert sorted(structure(other)) == sorted(structure(english))
    assert (other == english) == (lang == "en")
    assert "{" not in re.sub(r"\$\{owner:-OWNER\}", "", other)


def test_a_korean_page_has_no_english_left() -> None:
    words = tomllib.loads((templates_directory() / TEXTS / "ko.toml").read_text())
    for text in (words["title"], words["there"], words["note"], *words["columns"][1:], *words["statuses"].values()):
        assert re.search("[가-힣]", text), text


def test_a_course_in_korean(ebpf_new: Command, tmp_path: Path) -> None:
    (tmp_path / "roster.csv").write_text("name,lang\nada,\nbob,en\n")
    done = ebpf_new("course", "new", "roster.csv", "-o", "labs", "-f", "libbpf", "--lang", "ko", "--no-git")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "labs/index.md").read_text().startswith("# 저장소 목록\n")
    assert "## 시작하기" in (tmp_path / "labs/ada/README.md").read_text()
    assert "## Start" in (tmp_path / "labs/bob/README.md").read_text()
    wrong = ebpf_new("course", "new", "roster.csv", "-o", "other", "-f", "libbpf", "--lang", "xx")
    assert wrong.returncode == 2 and "'xx'" in wrong.stderr and not (tmp_path / "other").exists()
