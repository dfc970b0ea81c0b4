# SPDX-License-Identifier: BSD-2-Clause
"""The page index.md of a course: a row for each repository, and the same structure in each language."""

import re
import tomllib
from dataclasses import replace

import pytest
from markdown_it import MarkdownIt

from scaffold.course.entry import Entry, EntryStatus
from scaffold.course.index_markdown import TEXTS, index_markdown
from scaffold.project.catalog import frameworks, templates_directory

LANGUAGES = frameworks()[0].languages
ENTRY = Entry(2, "lab-1", "libbpf", "tracepoint", "lab-1", "Ada", "", "acme", "0" * 40, EntryStatus.MADE)
ENTRIES = [replace(ENTRY, row=row, name=f"lab-{status}", status=status) for row, status in enumerate(EntryStatus)]


def structure(page: str) -> list[str]:
    """Return what all languages have in common: commands, links, levels of headings, and the cells' borders."""
    return re.findall(r"```sh\n.*?```|\]\([^)]*\)|^#+|\|", page, re.DOTALL | re.MULTILINE)


def test_row_for_each_repository() -> None:
    entries = [
        replace(ENTRY, author="a | b ](x) <script>alert(1)</script> `c`"),
        replace(ENTRY, row=3, name="lab-2", path="lab-2", status=EntryStatus.MISSING, commit=""),
        replace(ENTRY, row=None, name="lab_3", path="lab_3", status=EntryStatus.OTHER),
    ]
    page = index_markdown(entries, "en")
    html = MarkdownIt().enable("table").render(page)
    assert re.search(r"\b2 of 3\b.*\(1 made, 1 missing, 1 other\)", html)
    rows = re.findall(r"<tr>\n(.*?)</tr>", html, re.DOTALL)[1:]
    cells = [re.findall(r"<td[^>]*>(.*?)</td>", row) for row in rows]
    assert cells[0][:4] == [
        "2",
        '<a href="lab-1/">lab-1</a>',
        "libbpf",
        "a | b ](x) &lt;script&gt;alert(1)&lt;/script&gt; `c`",
    ]
    assert [row[1] for row in cells[1:]] == ["lab-2", '<a href="lab_3/">lab_3</a>']
    assert "git -C" in page and "gh repo create" in page


def test_no_push_commands_without_git() -> None:
    page = index_markdown([replace(ENTRY, commit="")], "en")
    assert "git -C" not in page and "gh repo create" not in page


def test_each_language_has_texts() -> None:
    assert sorted(path.stem for path in (templates_directory() / TEXTS).iterdir()) == sorted(LANGUAGES)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_languages_differ_only_in_text(lang: str) -> None:
    english, translated = index_markdown(ENTRIES, "en"), index_markdown(ENTRIES, lang)
    assert sorted(structure(translated)) == sorted(structure(english))
    assert (translated == english) == (lang == "en")
    assert "{" not in re.sub(r"\$\{owner:-OWNER\}", "", translated)


def test_korean_texts_are_korean() -> None:
    texts = tomllib.loads((templates_directory() / TEXTS / "ko.toml").read_text())
    for text in (texts["title"], texts["there"], texts["note"], *texts["columns"][1:], *texts["statuses"].values()):
        assert re.search("[가-힣]", text), text
