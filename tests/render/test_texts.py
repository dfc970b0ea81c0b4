# SPDX-License-Identifier: BSD-2-Clause
"""Parsers of every kind of file read back the texts in the answers unchanged, whatever characters they contain."""

import ast
import json
import re
import subprocess
import tempfile
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import jinja2
import pytest
import yaml
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from scaffold.project.catalog import templates_directory
from scaffold.project.model import NONCHARACTERS
from tests.render.trees import CATALOG, rendered

FAST = (Phase.explicit, Phase.generate)  # no shrinking: an example takes 0.1 s
TEXTS = ("description", "author", "email")
SEED = "Zq7"  # part of every text, to find it again
NASTY = [
    '"', "'", "\\", "\\n", "*/", "/*", "//", "{{", "}}", "{%", "[=", "=]", "[%", "%]", "[#", "#]",
    "$(touch pwned)", "`touch pwned`", "$HOME", "${{ x }}", "$$", "%s", "%n", "#", ":", "|", "&", "&amp;",
    "- ", "1. ", "1) ", "> ", "+ ", "=", "---", "===", "~~~", "```", "**", "__", "<b>", "<!--", "![x](y)", "[x]: y",
    "??/", "안녕", "🐝", "\N{ZERO WIDTH JOINER}", "\u202e", "\ufeff", "=(+", "!!python/object", "'''", '"""',
    "define x", "endef", "\\\\", " \\",
]  # fmt: skip
CHARACTERS = st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"], exclude_characters=NONCHARACTERS)
PARTS = st.lists(st.one_of(st.sampled_from(NASTY), st.text(CHARACTERS, max_size=6)), max_size=4).map("".join)
LINES = st.tuples(PARTS, PARTS).map(lambda ends: f"{ends[0]}{SEED}{ends[1]}".strip())


def check_data(data: object, texts: set[str]) -> None:
    """Every string in `data` that contains the seed contains a whole text."""
    if isinstance(data, str):
        assert SEED not in data or any(text in data for text in texts), data
    elif isinstance(data, dict):
        for key, value in data.items():
            check_data(key, texts)
            check_data(value, texts)
    elif isinstance(data, list):
        for value in data:
            check_data(value, texts)


def c_tokens(path: Path) -> Iterator[tuple[str, str]]:
    """The kind and spelling of each token of a C file, comments included, as clang sees them."""
    command = ["clang", "-cc1", "-dump-raw-tokens", str(path)]
    dump = subprocess.run(command, check=True, capture_output=True).stderr.decode()
    return iter(re.findall(r"^([a-z_]+) '(.*?)'\t.*Loc=<.*>$", dump, re.MULTILINE))


def check_c(path: Path, texts: set[str]) -> None:
    """In C, a text is a whole string, or the end of a comment that ends with its line."""
    for kind, spelling in c_tokens(path):
        if SEED in spelling:
            assert kind in ("string_literal", "comment")
            value = ast.literal_eval(spelling.replace("\\?", "?")) if kind == "string_literal" else spelling
            assert any(text in value for text in texts), spelling
            assert kind != "comment" or (spelling.startswith("//") and not spelling.endswith("\\")), spelling


@cache
def go_tokens() -> tempfile.TemporaryDirectory[str]:
    """Build the program that lists the strings and comments of a Go file, and return its directory."""
    directory = tempfile.TemporaryDirectory(prefix="go-tokens-")
    command = ["go", "build", "-o", directory.name, str(Path(__file__).with_name("go_tokens.go"))]
    subprocess.run(command, check=True, capture_output=True)
    return directory


def check_go(path: Path, texts: set[str]) -> None:
    """In Go, a text is a string, or the end of a comment."""
    done = subprocess.run(
        [Path(go_tokens().name, "go_tokens")], input=path.read_bytes(), check=True, capture_output=True
    )
    tokens = json.loads(done.stdout)
    assert tokens
    for kind, token in tokens:
        if SEED in token:
            assert any(text in token for text in texts), token
            assert kind == "string" or token.startswith("//"), token


def check_shell(path: Path, texts: set[str]) -> None:
    """In a script, a text is a line of its help, in every shell that may run it."""
    for shell in (["dash"], ["bash"], ["busybox", "sh"]):
        subprocess.run([*shell, "-n", path], check=True)
        if SEED in path.read_text():
            shown = subprocess.run([*shell, path, "--help"], check=True, capture_output=True).stdout.decode()
            assert texts & set(shown.split("\n")), shown


def check_nix(path: Path, texts: set[str]) -> None:
    """Nix parses the file, and a text in it is its description."""
    command = ["nix-instantiate", "--store", "dummy://", "--eval", "--json", str(path), "--attr", "description"]
    description = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    assert description in texts or SEED not in path.read_text()


def check_dockerfile(text: str, texts: set[str]) -> None:
    """In a Dockerfile, a text is a quoted value without variables."""
    for value in re.findall(r'="((?:[^"\\]|\\.)*)" \\\n', text):
        assert not re.search(r"(?<!\\)(\\\\)*\$", value), value
        assert SEED not in value or re.sub(r"\\(.)", r"\1", value) in texts, value


def check_markdown(text: str, texts: set[str]) -> str:
    """Return the text that a reader sees; no text from the answers is interpreted as Markdown."""
    seen = []
    for token in MarkdownIt("commonmark").parse(text):
        assert token.type != "html_block"
        if token.type in ("fence", "code_block"):
            assert SEED not in token.content
        for child in token.children or []:
            assert child.type != "html_inline"
            seen.append("\n" if child.type == "softbreak" else child.content)
        if token.type == "inline" and SEED in token.content:
            assert not {"link_open", "em_open", "strong_open", "image"} & {
                child.type for child in token.children or [] if SEED in child.content
            }
    shown = "".join(seen)
    assert SEED not in shown or any(text in shown for text in texts)
    return shown


@pytest.mark.parametrize("framework", CATALOG)
@settings(max_examples=12, deadline=None, phases=FAST)
@given(answers=st.tuples(LINES, LINES, LINES), name=st.from_regex(r"[A-Z][A-Za-z0-9_-]{0,49}", fullmatch=True))
def test_texts_are_read_back_unchanged(framework: str, answers: tuple[str, str, str], name: str) -> None:
    given_answers = dict(zip(TEXTS, answers, strict=True))
    texts = set(answers)
    if any(name in reserved.names for reserved in CATALOG[framework].reserved_names):
        return
    with tempfile.TemporaryDirectory() as directory:
        root = rendered(Path(directory), framework, name=name, **given_answers)
        recorded = json.loads((root / ".ebpf-new.json").read_text())["answers"]
        assert given_answers.items() <= recorded.items()
        assert recorded["name"] == name
        for path in root.rglob("*"):
            if path.is_file():
                check_file(path, texts)
        readme = check_markdown((root / "README.md").read_text(), texts)
        assert given_answers["description"] in readme
        assert f"{given_answers['author']} <{given_answers['email']}>" in readme
        holder = f"Copyright (c) 2026 {given_answers['author']} <{given_answers['email']}>"
        assert holder in (root / "LICENSE").read_text().split("\n")
        check_make(root, name)


def check_file(path: Path, texts: set[str]) -> None:
    """Parse `path` according to its kind."""
    text = path.read_text()
    if path.suffix in (".toml", ".lock"):
        check_data(tomllib.loads(text), texts)
    elif path.suffix in (".yml", ".yaml"):
        check_data(list(yaml.safe_load_all(text)), texts)
    elif path.suffix == ".json":
        check_data(json.loads(text), texts)
    elif path.suffix in (".c", ".h"):
        check_c(path, texts)
    elif path.suffix == ".go":
        check_go(path, texts)
    elif path.suffix == ".sh" and "vmtest" not in path.parts:
        check_shell(path, texts)
    elif path.name == "Dockerfile":
        check_dockerfile(text, texts)
    elif path.suffix == ".nix":
        check_nix(path, texts)
    elif path.suffix == ".rs":
        assert SEED not in text  # the program gets the texts from Cargo.toml, through cargo
    elif path.suffix == ".py":
        check_data([node.value for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Constant)], texts)
    elif SEED in text and path.suffix != ".md":
        assert any(found in text for found in texts), path


def check_make(root: Path, name: str) -> None:
    """make parses the Makefile, and runs no command in a text."""
    helped = subprocess.run(["make", "-C", root, "help"], check=True, capture_output=True, text=True)
    assert helped.stderr == ""
    assert f"{name}: make TARGET" in helped.stdout
    assert not list(root.rglob("pwned"))


@settings(max_examples=25, deadline=None, phases=FAST)
@given(st.lists(PARTS, min_size=1, max_size=20))
def test_a_string_is_the_same_in_every_language(values: list[str]) -> None:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(templates_directory() / "_shared"),
        variable_start_string="[=", variable_end_string="=]", block_start_string="[%", block_end_string="%]",
        comment_start_string="[#", comment_end_string="#]",
    )  # fmt: skip
    quoted = environment.from_string(
        '[% from "quote.j2" import string %][% for x in xs %][= string(x) =],\n[% endfor %]'
    )
    strings = quoted.render(xs=values)
    assert json.loads(f"[{strings[:-2]}]") == values
    assert tomllib.loads(f"x = [\n{strings}]")["x"] == values
    assert yaml.safe_load("".join(f"- {line[:-1]}\n" for line in strings.splitlines(keepends=False) if line)) == values
    source = f"#include <stdio.h>\nstatic const char *xs[] = {{\n{strings}0}};\n"
    source += "int main(void) { for (int i = 0; xs[i]; i++) puts(xs[i]); return 0; }\n"
    with tempfile.TemporaryDirectory() as directory:
        command = ["clang", "-x", "c", "-std=gnu17", "-w", "-o", f"{directory}/x", "-"]
        subprocess.run(command, check=True, input=source.encode())
        shown = subprocess.run([f"{directory}/x"], check=True, capture_output=True).stdout
    assert shown == "".join(f"{value}\n" for value in values).encode()
