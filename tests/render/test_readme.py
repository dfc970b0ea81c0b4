# SPDX-License-Identifier: BSD-2-Clause
"""The README of a repository names commands that its Makefile knows."""

import re
import shlex
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

from tests.render.trees import CATALOG, rendered


def calls_of_make(readme: str) -> set[str]:
    """The commands in the text and in its blocks that call make."""
    tokens = MarkdownIt().parse(readme)
    blocks = [line for token in tokens if token.type == "fence" for line in token.content.splitlines()]
    inline = [child.content for token in tokens for child in token.children or () if child.type == "code_inline"]
    return {code for code in blocks + inline if re.search(r"\bmake\b", code) and "`make" not in code}


@pytest.mark.parametrize("framework", CATALOG)
def test_every_call_of_make_in_it_is_understood(framework: str, tmp_path: Path) -> None:
    root = rendered(tmp_path, framework)
    makefile = (root / "Makefile").read_text()
    (phony,) = re.findall(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)
    calls = calls_of_make((root / "README.md").read_text())
    assert {"make", "make test", "make run PID=4711"} <= calls
    for call in calls:
        make, *words = shlex.split(call)
        settings = [word.partition("=")[0] for word in words if "=" in word]
        assert make == "make", f"{call}: what stands before make counts less than what the Makefile sets"
        assert {word for word in words if "=" not in word} <= set(phony.split()), call
        assert [name for name in settings if f"$({name}" not in makefile] == [], call
