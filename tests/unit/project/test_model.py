# SPDX-License-Identifier: BSD-2-Clause
"""Which answers are valid, and what the messages about the others contain."""

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaffold.errors import InvalidAnswersError, Problem
from scaffold.project.catalog import Framework, load_catalog
from scaffold.project.go_module import default_module
from scaffold.project.model import Project, find_problems, rename_rules
from scaffold.project.name_rules import exclusion_reason

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
INVALID_NAMES = {
    "": "empty",
    "a.b": "contains '.'",
    "a b": "contains a space",
    " a": "contains a space",
    "1a": "begins with '1'",
    "-a": "begins with '-'",
    "_a": "begins with '_'",
    "größe": "contains 'ö', 'ß'",
    "안녕": "contains '안', '녕'",
    "٣": "contains '٣'",
    "{{name}}": "contains '{', '}'",
    "[=x=]": "contains '[', '=', ']'",
    "a\n": "contains '\\n'",
    "1 a.b": "begins with '1' and contains a space, '.'",
    "a" * 51: "has 51 characters",
    "\udcff": "contains '\\udcff'",
    "..": "contains '.'",
}


def problems(**answers: str) -> dict[str, Problem]:
    """Return the problems of valid answers that are replaced by `answers`, by the option they name."""
    all_answers = GOOD | answers
    framework = CATALOG.get(all_answers["framework"])
    if framework and "module" in framework.own_answers and "module" not in answers:
        all_answers["module"] = default_module(all_answers["owner"], all_answers["name"])
    return {problem.answer: problem for problem in find_problems(all_answers, CATALOG)}


def messages(**answers: str) -> dict[str, str]:
    """Return the messages of these problems."""
    return {answer: problem.message for answer, problem in problems(**answers).items()}


@pytest.mark.parametrize("name", ["a", "Z", "hello", "my-tool", "my_tool2", "x--", "a" * 50, "int2", "new", "list"])
def test_valid_names(name: str) -> None:
    assert messages(name=name) == {}


@pytest.mark.parametrize(("name", "defect"), INVALID_NAMES.items())
def test_invalid_names_are_reported_with_their_defects_and_the_rule(name: str, defect: str) -> None:
    message = messages(name=name)["NAME"]
    assert defect in message
    assert "a letter, then letters, digits, _ or -, at most 50 characters" in message


@pytest.mark.parametrize("framework", CATALOG.values(), ids=list(CATALOG))
def test_reserved_names_are_reported_with_the_reason_and_another_name(framework: Framework) -> None:
    assert framework.reserved_names
    for reserved in framework.reserved_names:
        for name in reserved.names:
            problem = problems(framework=framework.name, name=name)["NAME"]
            assert repr(name) in problem.message and f"{framework.title} project" in problem.message
            assert problem.message.endswith(reserved.reason)
            assert problem.hint.endswith(f" my-{name}")
            assert messages(framework=framework.name, name=f"my-{name}") == {}


@pytest.mark.parametrize("owner", ["", "a", "0", "Ada-Lovelace", "a" * 39])
def test_valid_owners(owner: str) -> None:
    assert messages(owner=owner) == {}


@pytest.mark.parametrize("owner", ["-", "-a", "a-", "a--b", "a b", "a/b", "a.b", "a_b", "안녕", "a" * 40, "a\n"])
def test_invalid_owners(owner: str) -> None:
    message = messages(owner=owner)["--owner"]
    assert repr(owner) in message and "letters and digits, with single - between them" in message


@given(st.text())
def test_a_name_matches_the_pattern_or_is_invalid(name: str) -> None:
    assert messages(name=name) or re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]{0,49}", name, re.ASCII)


@pytest.mark.parametrize("answer", ["description", "author", "email"])
@pytest.mark.parametrize("text", ["a\nb", "a\tb", "\x00a", "a\x7fb", "a\x85b", "a\u2028b", "a\ud800b", "a\ufffeb"])
def test_texts_are_one_line(answer: str, text: str) -> None:
    (message,) = messages(**{answer: text}).values()
    assert f"(U+{ord(text.strip('ab')):04X})" in message and "one line" in message


@pytest.mark.parametrize(
    "text", ["", "  padded  ", '"', "\\", "*/", "{{ x }}", "[= x =]", "$(id)", "안녕", "🐝", "??/"]
)
def test_texts_may_contain_all_other_characters(text: str) -> None:
    project = Project.of(GOOD | {"description": text, "author": text, "email": text}, CATALOG)
    assert project.description == project.author == project.email == text.strip()


def test_an_unknown_choice_is_reported_with_all_choices() -> None:
    reported = messages(framework="nope", program="nope", license="nope")
    assert all("'nope'" in message for message in reported.values())
    assert " | ".join(CATALOG) in reported["--framework"]
    assert FIRST.programs[0].name in reported["--program"]
    assert all(license in reported["--license"] for license in FIRST.licenses)


def test_a_missing_framework_is_reported_with_all_choices() -> None:
    problem = problems(framework="")["--framework"]
    assert "missing" in problem.message and " | ".join(CATALOG) in problem.message
    assert "--framework" in problem.hint


def test_all_problems_are_reported_together() -> None:
    invalid = {
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
        Project.of(GOOD | invalid, CATALOG)
    answers = ["NAME", "--framework", "--program", "--license", "--description", "--author", "--email", "--owner"]
    assert [problem.answer for problem in caught.value.problems] == [*answers, "--module"]
    assert "add --framework" in str(caught.value)  # one line contains the hints too


def test_only_frameworks_with_a_module_accept_one() -> None:
    for framework in CATALOG.values():
        reported = messages(framework=framework.name, module="example.com/hello")
        assert ("--module" in reported) == ("module" not in framework.own_answers)


def test_the_default_module_does_not_repeat_the_problem_of_the_name() -> None:
    assert list(messages(framework="nope", name="a b", module="example.com/a b")) == ["NAME", "--framework"]


def test_renamed_follows_the_default_module() -> None:
    project = Project.of(GOOD, CATALOG)
    assert project.renamed("new", "ada") == replace(project, name="new", owner="ada")
    with_module = replace(project, module="example.org/x")
    assert with_module.renamed("new", "ada").module == "github.com/ada/new"


@pytest.mark.parametrize("framework", CATALOG.values(), ids=list(CATALOG))
def test_rename_rules_exclude_what_the_default_module_cannot_contain(framework: Framework) -> None:
    name, owner = rename_rules(framework)
    has_module = "module" in framework.own_answers
    for rule, value in ((name, "Com1"), (name, "v1"), (owner, "aux")):
        assert bool(exclusion_reason(value, rule.exclusions)) == has_module
    assert not exclusion_reason("v2", name.exclusions) and not exclusion_reason("v1", owner.exclusions)
    for reserved in framework.reserved_names:
        assert all(exclusion_reason(reserved_name, name.exclusions) for reserved_name in reserved.names)
