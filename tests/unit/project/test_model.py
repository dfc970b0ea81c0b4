# SPDX-License-Identifier: BSD-2-Clause
"""Which answers are taken, and what is said about the others."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaffold.errors import InvalidAnswersError
from scaffold.project.catalog import load_catalog
from scaffold.project.go_module import default_module
from scaffold.project.model import Project, find_problems

CATALOG = load_catalog()
FIRST = next(iter(CATALOG.values()))
GOOD = {
    "name": "hello",
    "framework": FIRST.name,
    "program": FIRST.programs[0].name,
    "license": FIRST.licenses[0],
    "description": "Says hello",
    "author": "Ada",
    "email": "ada@example.org",
    "owner": "",
    "module": "",
    "lang": "en",
    "year": "2026",
}
BAD_NAMES = {
    "": "the name is empty",
    "a.b": "has '.'",
    "a b": "has a space",
    " a": "has a space",
    "1a": "begins with '1'",
    "-a": "begins with '-'",
    "_a": "begins with '_'",
    "größe": "has 'ö', 'ß'",
    "안녕": "has '안', '녕'",
    "٣": "has '٣'",
    "{{name}}": "has '{', '}'",
    "[=x=]": "has '[', '=', ']'",
    "a\n": "has '\\n'",
    "1 a.b": "begins with '1' and has a space, '.'",
    "a" * 51: "has 51 characters",
    "\udcff": "has '\\udcff'",
    "..": "has '.'",
}


def messages(**answers: str) -> dict[str, str]:
    all_answers = GOOD | answers
    chosen = CATALOG.get(all_answers["framework"])
    if chosen and "module" in chosen.own_answers and "module" not in answers:
        all_answers["module"] = default_module(all_answers["owner"], all_answers["name"])
    return {problem.answer: problem.message for problem in find_problems(all_answers, CATALOG)}


@pytest.mark.parametrize("name", ["a", "Z", "hello", "my-tool", "my_tool2", "x--", "a" * 50, "int2", "new", "list"])
def test_good_names(name: str) -> None:
    assert messages(name=name) == {}


@pytest.mark.parametrize(("name", "fault"), BAD_NAMES.items())
def test_bad_names_are_told_what_is_wrong_and_what_is_allowed(name: str, fault: str) -> None:
    message = messages(name=name)["NAME"]
    assert fault in message
    assert "allowed is a letter, then letters, digits, _ or -" in message


@pytest.mark.parametrize("framework", CATALOG)
def test_what_a_framework_refuses_is_no_name_there(framework: str) -> None:
    assert CATALOG[framework].refused
    for refusal in CATALOG[framework].refused:
        for name in refusal.names | ({name.upper() for name in refusal.names} if refusal.any_case else set()):
            message = messages(framework=framework, name=name)["NAME"]
            assert f"{name!r} cannot be the name of a {CATALOG[framework].title} project: " in message
            assert message.endswith(f"{refusal.why}; 'my-{name}' can")
            assert messages(framework=framework, name=f"my-{name}") == {}


@pytest.mark.parametrize("owner", ["", "a", "0", "Ada-Lovelace", "a" * 39])
def test_good_owners(owner: str) -> None:
    assert messages(owner=owner) == {}


@pytest.mark.parametrize("owner", ["-", "-a", "a-", "a--b", "a b", "a/b", "a.b", "a_b", "안녕", "a" * 40, "a\n"])
def test_bad_owners(owner: str) -> None:
    assert "allowed is letters and digits, with single - between them" in messages(owner=owner)["--owner"]


@given(st.text())
def test_a_name_is_plain_or_refused(name: str) -> None:
    assert messages(name=name) or re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]{0,49}", name, re.ASCII)


@pytest.mark.parametrize("answer", ["description", "author", "email"])
@pytest.mark.parametrize("text", ["a\nb", "a\tb", "\x00a", "a\x7fb", "a\x85b", "a\u2028b", "a\ud800b", "a\ufffeb"])
def test_texts_are_one_line(answer: str, text: str) -> None:
    (message,) = messages(**{answer: text}).values()
    assert f"(U+{ord(text.strip('ab')):04X}); allowed is one line of any characters" in message


@pytest.mark.parametrize(
    "text", ["", "  padded  ", '"', "\\", "*/", "{{ x }}", "[= x =]", "$(id)", "안녕", "🐝", "??/"]
)
def test_texts_may_hold_anything_else(text: str) -> None:
    project = Project.of(GOOD | {"description": text, "author": text, "email": text}, CATALOG)
    assert project.description == project.author == project.email == text.strip()


def test_choices_are_named_when_one_is_wrong() -> None:
    found = messages(framework="nope", program="nope", license="nope")
    assert found["--framework"] == f"there is no 'nope'; allowed is {' | '.join(CATALOG)}"
    assert FIRST.programs[0].name in found["--program"]
    assert all(name in found["--license"] for name in FIRST.licenses)


def test_all_that_is_wrong_is_reported_at_once() -> None:
    bad = {
        "name": "1",
        "framework": "",
        "program": "x",
        "license": "x",
        "description": "\t.\t.",
        "author": "a\nb",
        "email": "\0",
        "owner": "-",
        "module": "x",
    }
    with pytest.raises(InvalidAnswersError) as caught:
        Project.of(GOOD | bad, CATALOG)
    answers = ["NAME", "--framework", "--program", "--license", "--description", "--author", "--email", "--owner"]
    assert [problem.answer for problem in caught.value.problems] == [*answers, "--module"]


def test_only_what_has_a_module_takes_one() -> None:
    for framework in CATALOG.values():
        found = messages(framework=framework.name, module="example.com/hello")
        assert ("--module" in found) == ("module" not in framework.own_answers)


def test_a_fault_that_the_module_has_from_the_name_is_told_once() -> None:
    assert list(messages(framework="nope", name="a b", module="example.com/a b")) == ["NAME", "--framework"]
