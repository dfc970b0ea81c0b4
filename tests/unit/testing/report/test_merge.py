# SPDX-License-Identifier: BSD-2-Clause
"""JSON lines are read back: valid verdicts unchanged, anything else with an error that names the file and line."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given

from scaffold.errors import UsageError
from scaffold.testing.report.merge import read_results, read_verdict
from scaffold.vmtest.verdict import Outcome, Verdict, as_json
from tests.conftest import Command
from tests.unit.testing.report.verdicts import FAIL, PASS, VERDICTS, json_lines, one_directory


def case_key(verdict: Verdict) -> tuple[str, str, str]:
    return verdict.project, verdict.kernel, verdict.arch


@given(VERDICTS)
@one_directory
def test_printed_verdicts_are_read_back(tmp_path: Path, verdicts: list[Verdict]) -> None:
    (tmp_path / "a").write_text(json_lines(*verdicts), encoding="utf-8", errors="surrogatepass")
    assert read_results([tmp_path / "a"]) == list({case_key(verdict): verdict for verdict in verdicts}.values())


@pytest.mark.parametrize(
    ("text", "facts"),
    [
        (json_lines(PASS)[:-20], ["line 1", "JSON"]),
        (json_lines(PASS) + "[]\n", ["line 2", "JSON object", "[]"]),
        ('{"project": "a"}\n', ["line 1", "missing framework, kernel, arch"]),
        (json_lines(PASS).replace('"pass"', '"good"'), ["line 1", "verdict 'good'"]),
        (json_lines(PASS).replace('["seen"]', "3"), ["line 1", "events 3"]),
    ],
    ids=["cut", "list", "keys", "verdict", "events"],
)
def test_an_invalid_line_is_an_error(tmp_path: Path, text: str, facts: list[str]) -> None:
    (tmp_path / "results.json").write_text(text)
    with pytest.raises(UsageError) as error:
        read_results([tmp_path / "results.json"])
    assert all(fact in error.value.message for fact in ["results.json", *facts])


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"/a: No such file"):
        read_results([tmp_path / "a"])


def test_unknown_keys_are_ignored(tmp_path: Path) -> None:
    (tmp_path / "a").write_text(json.dumps({**json.loads(as_json(PASS)), "colour": "green"}))
    assert read_results([tmp_path / "a"]) == [PASS]


@pytest.mark.parametrize("name", json.loads(as_json(PASS)))
def test_every_key_is_required(name: str) -> None:
    values = json.loads(as_json(PASS))
    del values[name]
    with pytest.raises(ValueError, match=f"missing {name}$"):
        read_verdict(json.dumps(values))


@pytest.mark.parametrize("seconds", ["NaN", "Infinity", "-1", "1e999", "1" + "0" * 400, "true", '"1"', "null"])
def test_invalid_seconds(seconds: str) -> None:
    with pytest.raises(ValueError, match=r"total_s .{1,60}$"):
        read_verdict(as_json(PASS).replace('"total_s": 0.5', f'"total_s": {seconds}'))


@pytest.mark.parametrize("text", ["[" * 100_000, '{"a":' * 100_000], ids=["lists", "objects"])
def test_deeply_nested_json_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match="JSON"):
        read_verdict(text)


def test_only_a_newline_ends_a_line(ebpf_new: Command, tmp_path: Path) -> None:
    values = {**json.loads(as_json(PASS)), "reason": "one\u2028two\u0085three"}
    (tmp_path / "a").write_text(json.dumps(values, ensure_ascii=False), encoding="utf-8")
    done = ebpf_new("report", "merge", "a", "--json")
    assert (done.returncode, json.loads(done.stdout)["reason"]) == (0, values["reason"])


def test_the_last_verdict_of_a_case_counts(ebpf_new: Command, tmp_path: Path) -> None:
    (tmp_path / "a").write_text(json_lines(PASS, FAIL))
    (tmp_path / "b").write_text(json_lines(replace(FAIL, verdict=Outcome.PASS, reason="")))
    files = ["--junit", "j.xml", "--summary", "s.md", "--heatmap", "h.svg"]
    done = ebpf_new("report", "merge", "a", "b", "--json", *files)
    assert (done.returncode, done.stderr) == (0, "")
    assert [json.loads(line)["verdict"] for line in done.stdout.splitlines()] == ["pass", "pass"]
    assert all((tmp_path / name).stat().st_size for name in ("j.xml", "s.md", "h.svg"))
    shown = ebpf_new("report", "merge", "a", "b")
    assert "2 passed" in shown.stdout and "hello" in shown.stdout


@pytest.mark.parametrize(("expected", "status"), [(2, 0), (3, 69)])
def test_missing_verdicts_are_an_error(ebpf_new: Command, tmp_path: Path, expected: int, status: int) -> None:
    (tmp_path / "a").write_text(json_lines(PASS, replace(PASS, kernel="6.12")))
    done = ebpf_new("report", "merge", "a", "--expect", str(expected))
    assert done.returncode == status
    assert ("only 2 of 3 verdicts" in done.stderr) == bool(status)


def test_an_invalid_file_gives_the_status_of_wrong_usage(ebpf_new: Command, tmp_path: Path) -> None:
    (tmp_path / "a").write_text("[]\n")
    done = ebpf_new("report", "merge", "a")
    assert (done.returncode, done.stdout) == (2, "")
