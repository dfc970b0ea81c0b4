# SPDX-License-Identifier: BSD-2-Clause
"""The command that the wizard ends with. tests/render/test_terminal.py answers its questions."""

import shlex
import tempfile
from dataclasses import fields, replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scaffold.cli.new import print_command
from scaffold.cli.wizard import shortest_request
from scaffold.generate.create import plan_project
from scaffold.project.answers import FileAnswers, fill_answers
from scaffold.project.catalog import load_catalog
from scaffold.project.request import ProjectRequest

CATALOG = load_catalog()
FIRST = next(iter(CATALOG))
TEXT = st.text(
    st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"], exclude_characters="\ufffe\uffff"), max_size=8
)
ANSWERS = st.fixed_dictionaries(
    {},
    optional={
        "license": st.sampled_from(CATALOG[FIRST].licenses),
        "description": TEXT,
        "author": TEXT,
        "email": TEXT,
        "owner": st.sampled_from(["", "ada", "zoe"]),
        "git": st.booleans(),
    },
)


@settings(max_examples=20)
@given(framework=st.sampled_from(list(CATALOG)), answers=ANSWERS, configured=ANSWERS)
def test_shortest_request_gives_the_same_project(
    framework: str, answers: dict[str, object], configured: dict[str, object]
) -> None:
    configuration = FileAnswers({name: value for name, value in configured.items() if name != "description"})
    with tempfile.TemporaryDirectory() as directory:
        request = replace(ProjectRequest(Path(directory, "hello"), framework), **answers)  # type: ignore[arg-type]
        plan = plan_project(fill_answers(request, [configuration]), CATALOG)
        shortest = shortest_request(plan, configuration, CATALOG)
        again = plan_project(fill_answers(shortest, [configuration]), CATALOG)
    assert (again.project, again.git) == (plan.project, plan.git)
    given_fields = {field.name for field in fields(shortest) if getattr(shortest, field.name) != field.default}
    assert given_fields <= {"target", "origins", "framework", "module", *answers}


@pytest.mark.parametrize(("git", "option"), [(None, []), (True, ["--git"]), (False, ["--no-git"])])
def test_command_has_the_answers_of_the_request(
    git: bool | None, option: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    print_command(ProjectRequest(tmp_path / "hello", FIRST, author="a b", git=git))
    command = shlex.split(capsys.readouterr().err.splitlines()[-1])
    assert command == ["ebpf-new", "new", str(tmp_path / "hello"), "--framework", FIRST, "--author", "a b", *option]
