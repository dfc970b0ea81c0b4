# SPDX-License-Identifier: BSD-2-Clause
"""The verdict of a build, by the status and the output of its command."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from scaffold.testing.build import MAX_LINES, CommandResult, Runner, build
from scaffold.vmtest.manifest import Manifest
from scaffold.vmtest.verdict import Outcome
from tests.unit.testing.manifests import MANIFEST

MAKE = replace(MANIFEST, build=("make", "ARCH={arch}"), build_seconds=12)


def result_of(result: CommandResult) -> Runner:
    return lambda _command, _directory, _seconds: result


@pytest.mark.parametrize(
    ("result", "outcome", "facts"),
    [
        (CommandResult(2, b"a.c:1: error: no such type\nmake: *** [a.o] Error 1\n"), Outcome.FAIL, ["no such type"]),
        (CommandResult(2, b"cc a.c\ncannot link\nmake: *** [a] Error 1\n"), Outcome.FAIL, ["cannot link"]),
        (
            CommandResult(2, b'x: error\n*** clang is missing: type "make deps".  Stop.\n'),
            Outcome.FAIL,
            ["clang is missing", "make deps"],
        ),
        (CommandResult(2, b""), Outcome.FAIL, ["make printed nothing"]),
        (CommandResult(None, b"waiting\n"), Outcome.TIMEOUT, ["within 12 s"]),
        (CommandResult(0, b"", "it used more than 5 MiB"), Outcome.FAIL, ["it used more than 5 MiB"]),
    ],
    ids=["error", "last line", "missing tool", "no output", "time", "limit"],
)
def test_the_reason_of_a_failure(result: CommandResult, outcome: Outcome, facts: list[str]) -> None:
    verdict = build(MAKE, "amd64", result_of(result))
    assert verdict is not None
    assert (verdict.verdict, verdict.project, verdict.kernel, verdict.arch) == (outcome, MAKE.project, "", "amd64")
    assert all(fact in verdict.reason for fact in facts), verdict.reason


def test_the_end_of_the_output_is_kept_without_control_characters() -> None:
    output = "".join(f"line {number}\x1b[31m\n" for number in range(100)).encode()
    verdict = build(MAKE, "amd64", result_of(CommandResult(2, output)))
    assert verdict is not None
    assert len(verdict.console) == MAX_LINES
    assert verdict.console[-1] == r"line 99\x1b[31m"


def test_the_command_gets_the_architecture_and_the_time_limit() -> None:
    calls = []

    def run(command: Sequence[str], directory: Path, seconds: float) -> CommandResult:
        calls.append((command, directory, seconds))
        return CommandResult(0, b"")

    assert build(MAKE, "arm64", run) is None
    assert calls == [(["make", "ARCH=arm64"], MAKE.root, 12)]


@pytest.mark.parametrize(
    ("manifest", "facts"),
    [(MAKE, ["make", "apt-get install make", "No such file"]), (replace(MAKE, build=()), ["sandbox", "No such file"])],
)
def test_a_command_that_cannot_be_started_is_an_infrastructure_error(manifest: Manifest, facts: list[str]) -> None:
    def run(_command: Sequence[str], _directory: Path, _seconds: float) -> CommandResult:
        raise FileNotFoundError(2, "No such file or directory")

    verdict = build(manifest, "amd64", run)
    assert verdict is not None
    assert verdict.verdict is Outcome.ERROR
    assert all(fact in verdict.reason for fact in facts), verdict.reason


def test_a_project_without_a_build_command_needs_no_build() -> None:
    assert build(replace(MANIFEST, build=()), "amd64") is None
