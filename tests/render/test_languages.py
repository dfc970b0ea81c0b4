# SPDX-License-Identifier: BSD-2-Clause
"""The README has the same structure, commands and links in every language."""

import re
from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

from scaffold.project.catalog import templates_directory
from tests.conftest import Command
from tests.render.starters import copy_starter
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
    """Everything except the text: the blocks in order, and the inline code and links in each part between them."""
    parts: list[object] = []
    references: set[str] = set()
    for token in tokens:
        if token.type == "inline":
            references |= {child.content for child in token.children or [] if child.type == "code_inline"}
            references |= {str(child.attrs["href"]) for child in token.children or [] if child.type == "link_open"}
            references |= {str(child.attrs["src"]) for child in token.children or [] if child.type == "image"}
        elif token.type in ("heading_open", "tr_open", "fence"):
            # The word order differs between languages, so references within a part are compared as a set.
            parts += [sorted(references), (token.type, token.tag, token.info, token.content)]
            references = set()
        elif token.type.endswith(("table_open", "list_open", "item_open", "td_open", "th_open")):
            parts.append(token.type)
    return [*parts, sorted(references)]


@pytest.mark.parametrize("framework", CATALOG)
@pytest.mark.parametrize("language", OTHERS)
def test_every_language_has_the_same_sections_commands_links_and_tables(
    tmp_path: Path, framework: str, language: str
) -> None:
    english = structure(readme(tmp_path, framework, "en"))
    assert structure(readme(tmp_path, framework, language)) == english
    assert len([part for part in english if isinstance(part, tuple) and part[0] == "heading_open"]) > 8


@pytest.mark.parametrize("framework", CATALOG)
@pytest.mark.parametrize("language", OTHERS)
def test_every_sentence_is_translated(tmp_path: Path, framework: str, language: str) -> None:
    """Section titles, and texts with two English words in a row, contain letters of the other language."""
    heading = ""
    for token in readme(tmp_path, framework, language):
        words = "".join(child.content for child in token.children or [] if child.type == "text")
        if heading == "h2" or (WORDS.search(words) and not words.startswith("Copyright (c) ")):
            assert LETTERS[language].search(words), words
        heading = token.tag if token.type == "heading_open" else ""


@pytest.mark.parametrize("language", OTHERS)
def test_every_sentence_has_the_same_level_of_politeness(language: str) -> None:
    """Korean sentences end in -니다, and requests in -세요."""
    for path in [
        *(templates_directory() / "_shared/texts" / language).iterdir(),
        *(templates_directory() / "_shared/programs").glob(f"*/how.{language}.j2"),
    ]:
        sentences = re.findall(r"[가-힣)`]+(?=\.(?:\s|$))", re.sub(r"```.*?```", "", path.read_text(), flags=re.DOTALL))
        assert [sentence for sentence in sentences if not sentence.endswith(("니다", "세요", "명령"))] == []


@pytest.mark.parametrize("language", OTHERS)
def test_only_the_default_description_is_translated(tmp_path: Path, language: str) -> None:
    default = (rendered(tmp_path / "1", FIRST, lang=language) / "README.md").read_text()
    assert CATALOG[FIRST].description not in default and "PID" in default.splitlines()[2]
    own = (rendered(tmp_path / "2", FIRST, lang=language, description="Says who writes.") / "README.md").read_text()
    assert own.splitlines()[2] == "Says who writes."
    assert own.splitlines()[3:] == default.splitlines()[3:]


def test_every_language_has_the_same_texts() -> None:
    texts = templates_directory() / "_shared/texts"
    assert sorted(path.name for path in texts.iterdir()) == sorted(LANGUAGES)
    for language in LANGUAGES:
        files = {path.name: path.read_text() for path in (texts / language).iterdir()}
        assert sorted(files) == sorted(["readme.j2", *(f"{name}.j2" for name in CATALOG)])
        for name, text in files.items():
            assert text_names(text) == text_names((texts / "en" / name).read_text()), name


def text_names(text: str) -> list[str]:
    """The names of the texts in a file, in order."""
    return re.findall(r"\[% set (\w+)", text)


@pytest.mark.parametrize("language", OTHERS)
def test_only_the_readme_depends_on_the_language(tmp_path: Path, language: str) -> None:
    english, other = (contents(rendered(tmp_path / lang, FIRST, lang=lang)) for lang in ("en", language))
    assert {name for name in english | other if english.get(name) != other.get(name)} == {"README.md", ".ebpf-new.json"}


def test_the_command_line_accepts_only_known_languages(ebpf_new: Command, tmp_path: Path) -> None:
    done = ebpf_new("hello", "--framework", FIRST, "--lang", "xx", "--no-git")
    assert done.returncode == 2
    assert all(text in done.stderr for text in ("--lang", "'xx'", " | ".join(LANGUAGES)))
    assert ebpf_new("hello", "--framework", FIRST, "--lang", OTHERS[0], "--no-git").returncode == 0
    expected = rendered(tmp_path / "wanted", FIRST, lang=OTHERS[0])
    assert contents(tmp_path / "hello")["README.md"] == contents(expected)["README.md"]


def test_an_exported_readme_is_in_one_language(tmp_path: Path) -> None:
    text = (copy_starter("without author", FIRST, tmp_path) / "README.md").read_text()
    head = text.partition("ebpf-new export: begin")[2].partition("ebpf-new export: end")[0]
    assert LETTERS["ko"].search(head) and "make rename NAME=x OWNER=you" in head
