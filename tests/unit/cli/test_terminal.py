# SPDX-License-Identifier: BSD-2-Clause
"""What several commands print."""

import json
import os
from pathlib import Path

import pytest

from scaffold.cli.terminal import MAX_PROBLEMS, count, print_error, print_events, print_json, print_problems, quote_path
from scaffold.errors import Problem
from scaffold.testing.engine import Ended, Event, Idle, Started
from scaffold.testing.pool import Note
from scaffold.vmtest.verdict import Outcome, Verdict

Output = pytest.CaptureFixture[str]


def test_error_without_hint(capsys: Output) -> None:
    print_error("it failed")
    assert capsys.readouterr() == ("", "error: it failed\n")


def test_one_problem_is_printed_as_an_error(capsys: Output) -> None:
    print_problems([Problem("--license", "'x' is unknown", "use MIT")])
    assert capsys.readouterr() == ("", "error: --license: 'x' is unknown\nhint: use MIT\n")


def test_several_problems_are_a_list(capsys: Output) -> None:
    print_problems([Problem("NAME", "it is empty"), Problem("--license", "'x' is unknown", "use MIT")])
    first, *lines = capsys.readouterr().err.splitlines()
    assert first.startswith("error: 2 ")
    assert lines == ["  NAME: it is empty", "  --license: 'x' is unknown; use MIT"]


def test_the_list_of_problems_is_limited(capsys: Output) -> None:
    print_problems([Problem(f"line {number}", "bad") for number in range(MAX_PROBLEMS + 7)])
    first, *lines, last = capsys.readouterr().err.splitlines()
    assert first.startswith(f"error: {MAX_PROBLEMS + 7} ")
    assert (len(lines), last) == (MAX_PROBLEMS, "  and 7 more")


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("hello", "hello"),
        (".", "."),
        ("my labs/hello", "'my labs/hello'"),
        ("-x/hello", "./-x/hello"),
        ("../hello", "../hello"),
        ("/nonexistent/hello", "/nonexistent/hello"),
    ],
)
def test_path_in_a_shell(path: str, text: str) -> None:
    assert quote_path(Path(path)) == text


def test_absolute_path_inside_the_current_directory_is_relative(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert quote_path(tmp_path / "labs" / "hello") == os.path.join("labs", "hello")
    assert quote_path(tmp_path) == "."
    assert quote_path(tmp_path.parent) == str(tmp_path.parent)


def test_counts() -> None:
    assert [count(number, "file") for number in (0, 1, 2)] == ["0 files", "1 file", "2 files"]
    assert [count(number, "repository", "repositories") for number in (1, 2)] == ["1 repository", "2 repositories"]


def test_json_in_one_line(capsys: Output) -> None:
    print_json({"fetched": ["6.1"]}, indent=None)
    assert capsys.readouterr().out == '{"fetched": ["6.1"]}\n'


def events() -> list[Event]:
    passed = Verdict("hello", "libbpf", "6.1", "amd64", verdict=Outcome.PASS)
    failed = Verdict("hello", "libbpf", "6.12", "amd64", verdict=Outcome.FAIL, reason="no event")
    return [Started("hello", "6.1"), Idle(), Note("slow"), Ended("hello", "6.1"), passed, failed]


def test_events_in_json_are_verdicts_alone(capsys: Output) -> None:
    verdicts: list[Verdict] = []
    print_events(events(), 2, True, verdicts)
    stdout, stderr = capsys.readouterr()
    assert [json.loads(line)["verdict"] for line in stdout.splitlines()] == ["pass", "fail"]
    assert stderr.endswith(": slow\n")
    assert [verdict.kernel for verdict in verdicts] == ["6.1", "6.12"]


def test_events_for_people(capsys: Output) -> None:
    verdicts: list[Verdict] = []
    print_events(events(), 2, False, verdicts)
    stdout = capsys.readouterr().out
    assert "6.1" in stdout and "no event" in stdout
    assert [verdict.verdict for verdict in verdicts] == [Outcome.PASS, Outcome.FAIL]
