# SPDX-License-Identifier: BSD-2-Clause
"""Read a tutorial in Markdown as the blocks that its reader types, applies, or compares."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

from markdown_it import MarkdownIt


class BlockKind(StrEnum):
    """What a reader does with a block of code; the value is its language, except for QUOTE."""

    COMMANDS = "sh"  # types it
    OUTPUT = "text"  # compares it with the output
    DIFF = "diff"  # applies it
    QUOTE = "quote"  # finds it in the file that the option `file` names; any language


# The options that can follow the language of a block. CONTRIBUTING.md describes them.
OPTIONS: dict[BlockKind, set[str]] = {
    BlockKind.COMMANDS: {"terminal", "stays", "status"},
    BlockKind.OUTPUT: {"terminal", "with"},
    BlockKind.DIFF: set(),
    BlockKind.QUOTE: {"file"},
}


@dataclass(frozen=True)
class Block:
    """A block of code, with the options in its info string."""

    line: int
    kind: BlockKind
    options: Mapping[str, str]
    content: str
    step: str  # the last heading of level 2 above the block
    framework: str = ""  # its title, if the last heading of level 3 names frameworks


def read_lesson(path: Path, titles: Sequence[str]) -> list[Block]:
    """Return the blocks of a tutorial in their order.

    A heading of level 3 that consists only of framework `titles` starts a section for these frameworks. A block in a
    section for several frameworks is returned once for each.

    Raises:
        ValueError: A block has an unknown language or option. The message contains its line number.
    """
    blocks: list[Block] = []
    step, frameworks = "", [""]
    tokens = MarkdownIt().parse(path.read_text(encoding="utf-8"))
    for token, following in zip(tokens, [*tokens[1:], None], strict=True):
        if token.type == "heading_open" and following:
            names = re.split(", | and ", following.content)
            step = step if token.tag == "h3" else following.content
            frameworks = names if set(names) <= set(titles) else [""]
        elif token.type in ("fence", "code_block"):
            line = token.map[0] + 1 if token.map else 0
            try:
                kind, options = _parse_info(token.info)
            except ValueError as error:
                raise ValueError(f"{path.name}:{line}: {error}") from error
            if "with" in options:
                others = [title for title in titles if title != options["with"]]
                blocks[-1:] = [replace(blocks[-1], framework=title) for title in others]
            block_frameworks = [options["with"]] if "with" in options else frameworks
            blocks += [Block(line, kind, options, token.content, step, title) for title in block_frameworks]
    return blocks


def commands(block: Block) -> list[str]:
    """Return the commands of a shell block: one per line, except that a backslash continues a line."""
    return [line for line in block.content.replace("\\\n", "").splitlines() if line.strip()]


def inline_commands(path: Path) -> set[str]:
    """Return the commands in the sentences of `path`: make, bpftool, git and sudo with at least one argument."""
    tokens = MarkdownIt().parse(path.read_text(encoding="utf-8"))
    code = (child.content for token in tokens for child in token.children or () if child.type == "code_inline")
    return {text for text in code if re.match(r"(make|sudo|bpftool|git) \S", text)}


def _parse_info(info: str) -> tuple[BlockKind, dict[str, str]]:
    """Return the kind and the options of a block with the info string LANGUAGE [OPTION | OPTION=VALUE]..."""
    language, *words = info.split() or ["text"]
    options = {name: value for name, _, value in (word.partition("=") for word in words)}
    is_quote = "file" in options or language not in set(BlockKind) - {BlockKind.QUOTE}
    kind = BlockKind.QUOTE if is_quote else BlockKind(language)
    if is_quote and "file" not in options:
        raise ValueError(f"unknown language {language!r}: expected sh, text or diff, or the option file=PATH")
    unknown = options.keys() - OPTIONS[kind]
    if unknown:
        raise ValueError(f"unknown option of a {language!r} block: {', '.join(sorted(unknown))}")
    return kind, options
