# SPDX-License-Identifier: BSD-2-Clause
"""The report files of a command: missing verdicts are in each of them, and an error changes none of them."""

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from scaffold.errors import UsageError
from scaffold.testing.report.outputs import Outputs
from scaffold.vmtest.verdict import Verdict, as_json
from tests.conftest import Command
from tests.unit.testing.report.verdicts import ERROR, FAIL, PANIC, PASS, json_lines

FILES = {"junit": "j.xml", "summary": "s.md", "heatmap": "h.svg"}
OPTIONS = [word for name, file in FILES.items() for word in (f"--{name}", file)]


def write_results(directory: Path, *verdicts: Verdict) -> str:
    (directory / "results.json").write_text(json_lines(*verdicts))
    return "results.json"


def test_every_file_contains_the_number_of_missing_verdicts(
    ebpf_new: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "job.md"))
    done = ebpf_new("report", "merge", write_results(tmp_path, PASS), "--expect", "4", *OPTIONS)
    assert done.returncode == 69
    assert "1 passed, 3 not run" in done.stdout
    for file in ("s.md", "job.md", "h.svg"):
        assert "1 passed, 3 not run" in (tmp_path / file).read_text()
    (suite,) = ElementTree.parse(tmp_path / "j.xml").getroot()
    assert (suite.get("tests"), suite.get("errors")) == (str(len(suite)), "1")
    (error,) = suite.iter("error")
    assert (error.get("message") or "").startswith("3 not run")


def test_files_of_complete_results_report_nothing_missing(ebpf_new: Command, tmp_path: Path) -> None:
    assert ebpf_new("report", "merge", write_results(tmp_path, PASS), "--expect", "1", *OPTIONS).returncode == 0
    assert all("not run" not in (tmp_path / file).read_text() for file in FILES.values())


def test_unreadable_results_change_no_file(ebpf_new: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "job.md"))
    for file in (*FILES.values(), "job.md"):
        (tmp_path / file).write_text("old")
    assert ebpf_new("report", "merge", "no-such", *OPTIONS).returncode == 2
    assert {(tmp_path / file).read_text() for file in (*FILES.values(), "job.md")} == {"old"}


@pytest.mark.parametrize("option", FILES)
def test_a_missing_directory_is_an_error_before_the_test_starts(tmp_path: Path, option: str) -> None:
    outputs = Outputs(**{option: tmp_path / "none/file"})  # type: ignore[arg-type]
    with pytest.raises(UsageError, match=f"--{option} .*not found: {tmp_path}/none") as error, outputs:
        pytest.fail("the test has started")
    assert "create the directory" in error.value.hint


def test_the_job_summary_is_appended_to_once(
    ebpf_new: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = tmp_path / "job.md"
    job.write_text("Before.\n")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(job))
    assert ebpf_new("report", "merge", write_results(tmp_path, PASS), "--summary", "./job.md").returncode == 0
    assert job.read_text().startswith("Before.\n### 1 passed\n")
    assert job.read_text().count("###") == 1


def test_a_github_job_gets_a_summary_without_the_option(
    ebpf_new: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "job.md").write_text("Before.\n")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "job.md"))
    assert ebpf_new("report", "merge", write_results(tmp_path, PASS, FAIL, ERROR)).returncode == 69
    assert (tmp_path / "job.md").read_text().startswith("Before.\n### 1 passed, 1 failed, 1 could not be run")


def test_the_same_verdicts_are_in_every_file(ebpf_new: Command, tmp_path: Path) -> None:
    done = ebpf_new("report", "merge", write_results(tmp_path, PASS, PANIC), "--json", *OPTIONS)
    assert [json.loads(line) for line in done.stdout.splitlines()] == [
        json.loads(as_json(verdict)) for verdict in (PASS, PANIC)
    ]
    assert done.returncode == 1
    (failure,) = ElementTree.parse(tmp_path / "j.xml").getroot().iter("failure")
    assert (failure.get("type"), failure.get("message")) == ("panic", "it died")
    assert (failure.text or "").splitlines() == ["  indented", "        by a tab"]
    assert "```text\nit died\n  indented\n        by a tab\n```" in (tmp_path / "s.md").read_text()
    assert "! panic" in (tmp_path / "h.svg").read_text()
