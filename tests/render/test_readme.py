# SPDX-License-Identifier: BSD-2-Clause
"""The make commands in a repository's README exist in its Makefile."""

import re
import shlex
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

from tests.render.trees import CATALOG, rendered


def make_commands(readme: str) -> set[str]:
    """The commands in the text and in code blocks that call make."""
    tokens = MarkdownIt().parse(readme)
    blocks = [line for token in tokens if token.type == "fence" for line in token.content.splitlines()]
    inline = [child.content for token in tokens for child in token.children or () if child.type == "code_inline"]
    return {code for code in blocks + inline if re.search(r"\bmake\b", code) and "`make" not in code}


@pytest.mark.parametrize("framework", CATALOG)
def test_every_make_command_exists(framework: str, tmp_path: Path) -> None:
    root = rendered(tmp_path, framework)
    makefile = (root / "Makefile").read_text()
    (phony,) = re.findall(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)
    commands = make_commands((root / "README.md").read_text())
    assert {"make", "make test", "make run PID=4711"} <= commands
    for command in commands:
        make, *arguments = shlex.split(command)
        variables = [argument.partition("=")[0] for argument in arguments if "=" in argument]
        assert make == "make", f"{command}: the Makefile overrides variables that are set before make"
        assert {argument for argument in arguments if "=" not in argument} <= set(phony.split()), command
        assert [name for name in variables if f"$({name}" not in makefile] == [], command
