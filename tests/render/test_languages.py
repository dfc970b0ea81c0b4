# SPDX-License-Identifier: BSD-2-Clause
"""The README is the same in every language but for the words."""

import re
from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

from scaffold.project.catalog import templates_directory
from tests.conftest import Command
from tests.render.starters import copied
from tests.render.trees import CATALOG, contents, rendered

FIRST = next(iter(CATALOG))
LANGUAGES = CATALOG[FIRST].languages
OTHERS = [language for language in LANGUAGES if language != "en"]
LETTERS = {"ko": re.compile("[가-힣]")}
WORDS = re.compile(r"[A-Za-z]{2,}\s[A-Za-z]{2,}")


def readme(directory: Path, framework: str, language: str, **answers: str) -> list[Token]:
    """The parsed README of a project in that language."""
    root = rendered(directory / language, framework, lang=language, description="", owner="ada", **answers)
    return MarkdownIt("commonmark").enable("table").parse((root / "README.md").read_text())


def structure(tokens: list[Token]) -> list[object]:
    """All that is no text: blocks in their order, and the code and links of each section, row and part between them."""
    found: list[object] = []
    said: set[str] = set()
    for token in tokens:
        if token.type == "inline":
            said |= {child.content for child in token.children or [] if child.type == "code_inline"}
            said |= {str(child.attrs["href"]) for child in token.children or [] if child.type == "link_open"}
            said |= {str(child.attrs["src"]) for child in token.children or [] if child.type == "image"}
        elif token.type in ("heading_open", "tr_open", "fence"):
            # Words stand in another order in another language, so what they name is compared as a set.
            found += [sorted(said), (token.type, token.tag, token.info, token.content)]
            said = set()
        elif token.type.endswith(("table_open", "list_open", "item_open", "td_open", "th_open")):
            found.append(token.type)
    return [*found, sorted(said)]


@pytest.mark.parametrize("framework", CATALOG)
@pytest.mark.parametrize("language", OTHERS)
def test_every_language_has_the_same_sections_commands_links_and_tables(
    tmp_path: Path, framework: str, language: str
) -> None:
    english = structure(readme(tmp_path, framework, "en"))
    assert structure(readme(tmp_path, framework, language)) == english
    assert len([each for each in english if isinstance(each, tuple) and each[0] == "heading_open"]) > 8


@pytest.mark.parametrize("framework", CATALOG)
@pytest.mark.parametrize("language", OTHERS)
def test_no_sentence_is_left_in_english(tmp_path: Path, framework: str, language: str) -> None:
    """Each section's title, and each text with two English words in a row, has letters of the other language too."""
    before = ""
    for token in readme(tmp_path, framework, language):
        words = "".join(child.content for child in token.children or [] if child.type == "text")
        if before == "h2" or (WORDS.search(words) and not words.startswith("Copyright (c) ")):
            assert LETTERS[language].search(words), words
        before = token.tag if token.type == "heading_open" else ""


@pytest.mark.parametrize("language", OTHERS)
def test_each_sentence_ends_in_the_same_style(language: str) -> None:
    """Korean has levels of politeness: the README keeps to one, which ends in -니다, or asks in -세요."""
    for path in [
        *(templates_directory() / "_shared/texts" / language).iterdir(),
        *(templates_directory() / "_shared/programs").glob(f"*/how.{language}.j2"),
    ]:
        sentences = re.findall(r"[가-힣)`]+(?=\.(?:\s|$))", re.sub(r"```.*?```", "", path.read_text(), flags=re.DOTALL))
        assert [each for each in sentences if not each.endswith(("니다", "세요", "명령"))] == []


@pytest.mark.parametrize("language", OTHERS)
def test_the_description_is_translated_unless_it_is_the_authors(tmp_path: Path, language: str) -> None:
    default = (rendered(tmp_path / "1", FIRST, lang=language) / "README.md").read_text()
    assert CATALOG[FIRST].description not in default and "PID" in default.splitlines()[2]
    own = (rendered(tmp_path / "2", FIRST, lang=language, description="Says who writes.") / "README.md").read_text()
    assert own.splitlines()[2] == "Says who writes."
    assert own.splitlines()[3:] == default.splitlines()[3:]


def test_texts_are_the_same_in_number() -> None:
    texts = templates_directory() / "_shared/texts"
    assert sorted(path.name for path in texts.iterdir()) == sorted(LANGUAGES)
    for language in LANGUAGES:
        files = {path.name: path.read_text() for path in (texts / language).iterdir()}
        assert sorted(files) == sorted(["readme.j2", *(f"{name}.j2" for name in CATALOG)])
        for name, text in files.items():
            assert names(text) == names((texts / "en" / name).read_text()), name


def names(text: str) -> list[str]:
    """What a file of texts has, in its order."""
    return re.findall(r"\[% set (\w+)", text)


@pytest.mark.parametrize("language", OTHERS)
def test_only_the_readme_depends_on_the_language(tmp_path: Path, language: str) -> None:
    english, other = (contents(rendered(tmp_path / each, FIRST, lang=each, name="hello")) for each in ("en", language))
    assert {name for name in english | other if english.get(name) != other.get(name)} == {"README.md", ".ebpf-new.json"}


def test_the_command_takes_a_language(ebpf_new: Command, tmp_path: Path) -> None:
    done = ebpf_new("hello", "--framework", FIRST, "--lang", "xx", "--no-git")
    assert done.returncode == 2
    assert "--lang: 'xx' " in done.stderr and " | ".join(LANGUAGES) in done.stderr
    assert ebpf_new("hello", "--framework", FIRST, "--lang", OTHERS[0], "--no-git").returncode == 0
    wanted = rendered(tmp_path / "wanted", FIRST, lang=OTHERS[0])
    assert contents(tmp_path / "hello")["README.md"] == contents(wanted)["README.md"]


def test_a_template_on_github_is_in_one_language(tmp_path: Path) -> None:
    text = (copied("without author", FIRST, tmp_path) / "README.md").read_text()
    head = text.partition("ebpf-new export: begin")[2].partition("ebpf-new export: end")[0]
    assert LETTERS["ko"].search(head) and "make rename NAME=x OWNER=you" in head
