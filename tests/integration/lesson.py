# SPDX-License-Identifier: BSD-2-Clause
"""A course text in Markdown, as the blocks that its reader types, edits and looks at."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from markdown_it import MarkdownIt

# What may stand behind the language of a block.
WORDS = {
    "sh": {"terminal", "stays", "status"},  # stays: until Ctrl-C; status: that of its last command
    "text": {"terminal", "with"},  # with: a framework for which it takes the place of the block before
    "diff": set(),
}
QUOTE = {"file"}  # of any other language: a text that stands in this file


@dataclass(frozen=True)
class Block:
    """A block of code, with what its info string says."""

    line: int
    kind: str  # sh, text, diff, or quote
    words: Mapping[str, str]
    content: str
    step: str  # the heading of the second level above
    framework: str = ""  # its title, where the heading of the third level above names frameworks


def read_lesson(path: Path, titles: Sequence[str]) -> list[Block]:
    """Return the blocks in the order of reading; those below a heading of two frameworks come once for each.

    A heading of the third level that is made of `titles` alone is of these frameworks.

    Raises:
        ValueError: with the line of a block of which nobody can say what a reader does with it.
    """
    blocks: list[Block] = []
    step, frameworks = "", [""]
    tokens = MarkdownIt().parse(path.read_text(encoding="utf-8"))
    for token, following in zip(tokens, [*tokens[1:], None], strict=True):
        if token.type == "heading_open" and following:
            named = re.split(", | and ", following.content)
            step = step if token.tag == "h3" else following.content
            frameworks = named if set(named) <= set(titles) else [""]
        elif token.type in ("fence", "code_block"):
            line = token.map[0] + 1 if token.map else 0
            try:
                kind, words = _meaning(token.info)
            except ValueError as error:
                raise ValueError(f"{path.name}:{line}: {error}") from error
            if "with" in words:
                others = [title for title in titles if title != words["with"]]
                blocks[-1:] = [replace(blocks[-1], framework=each) for each in others]
            chosen = [words["with"]] if "with" in words else frameworks
            blocks += [Block(line, kind, words, token.content, step, each) for each in chosen]
    return blocks


def commands(block: Block) -> list[str]:
    """Return the commands of a block of shell, one a line unless the line ends with a backslash."""
    return [line for line in block.content.replace("\\\n", "").splitlines() if line.strip()]


def inline_commands(path: Path) -> set[str]:
    """Return what is typed in the running text: make, bpftool, git and sudo with an argument or more."""
    tokens = MarkdownIt().parse(path.read_text(encoding="utf-8"))
    code = (child.content for token in tokens for child in token.children or () if child.type == "code_inline")
    return {text for text in code if re.match(r"(make|sudo|bpftool|git) \S", text)}


def _meaning(info: str) -> tuple[str, dict[str, str]]:
    language, *rest = info.split() or ["text"]
    words = {name: value for name, _, value in (word.partition("=") for word in rest)}
    kind = language if language in WORDS and "file" not in words else "quote"
    if kind == "quote" and "file" not in words:
        raise ValueError(f"a block of {language!r} that is neither to be typed nor to be found in a file")
    unknown = words.keys() - WORDS.get(kind, QUOTE)
    if unknown:
        raise ValueError(f"a block of {language!r} cannot have {', '.join(sorted(unknown))}")
    return kind, words
