# SPDX-License-Identifier: BSD-2-Clause
"""From printed lines to the files that were asked for: nothing lost looks green, nothing old is spoilt."""

import json
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaffold.errors import UsageError
from scaffold.testing.report.counts import grid
from scaffold.testing.report.markdown import ROOM_BYTES, summary
from scaffold.testing.report.merge import read_verdict
from scaffold.testing.report.outputs import Outputs
from scaffold.vmtest.architecture import ARCHITECTURES
from scaffold.vmtest.verdict import Outcome, Verdict, as_json
from tests.conftest import Command

PASS = Verdict(
    "hello", "libbpf", "6.1", "amd64", "6.1.0-56-cloud-amd64", "tcg", True, Outcome.PASS, 0.2, 0.1, 0.5, ("seen",)
)
TROUBLE = replace(PASS, kernel="6.12", verdict=Outcome.PANIC, reason="it died", console=("  indented", "\tby a tab"))
FILES = {"junit": "j.xml", "summary": "s.md", "heatmap": "h.svg"}
OPTIONS = [word for name, file in FILES.items() for word in (f"--{name}", file)]


def written(directory: Path, *verdicts: Verdict) -> str:
    (directory / "results.json").write_text("".join(as_json(verdict) + "\n" for verdict in verdicts))
    return "results.json"


def test_a_lost_part_is_said_in_every_file(ebpf_new: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "job.md"))
    done = ebpf_new("report", "merge", written(tmp_path, PASS), "--expect", "4", *OPTIONS)
    assert done.returncode == 69
    assert "1 passed, 3 not run" in done.stdout
    for file in ("s.md", "job.md", "h.svg"):
        assert "1 passed, 3 not run" in (tmp_path / file).read_text()
    (suite,) = ElementTree.parse(tmp_path / "j.xml").getroot()
    assert (suite.get("tests"), suite.get("errors")) == (str(len(suite)), "1")
    assert [error.get("message") for error in suite.iter("error")] == ["3 not run, or their results are lost"]


def test_all_that_is_expected_is_no_less(ebpf_new: Command, tmp_path: Path) -> None:
    assert ebpf_new("report", "merge", written(tmp_path, PASS), "--expect", "1", *OPTIONS).returncode == 0
    assert all("not run" not in (tmp_path / file).read_text() for file in FILES.values())


def test_what_cannot_be_read_changes_no_file(
    ebpf_new: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "job.md"))
    for file in (*FILES.values(), "job.md"):
        (tmp_path / file).write_text("old")
    assert ebpf_new("report", "merge", "no-such", *OPTIONS).returncode == 2
    assert {(tmp_path / file).read_text() for file in (*FILES.values(), "job.md")} == {"old"}


@pytest.mark.parametrize("option", FILES)
def test_a_directory_that_is_missing_is_found_before_anything_runs(tmp_path: Path, option: str) -> None:
    path = tmp_path / "none/file"
    outputs = Outputs(**{option: path})  # type: ignore[arg-type]
    with pytest.raises(UsageError, match=f"--{option} .*there is no directory .*none: make it first"), outputs:
        pytest.fail("it has begun")


def test_the_summary_of_the_job_is_added_to_once(
    ebpf_new: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = tmp_path / "job.md"
    job.write_text("Before.\n")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(job))
    assert ebpf_new("report", "merge", written(tmp_path, PASS), "--summary", "./job.md").returncode == 0
    assert job.read_text().startswith("Before.\n### 1 passed\n")
    assert job.read_text().count("###") == 1


def test_the_whole_way(ebpf_new: Command, tmp_path: Path) -> None:
    done = ebpf_new("report", "merge", written(tmp_path, PASS, TROUBLE), "--json", *OPTIONS)
    assert [json.loads(line) for line in done.stdout.splitlines()] == [
        json.loads(as_json(verdict)) for verdict in (PASS, TROUBLE)
    ]
    assert done.returncode == 1
    (failure,) = ElementTree.parse(tmp_path / "j.xml").getroot().iter("failure")
    assert (failure.get("type"), failure.get("message")) == ("panic", "it died")
    assert (failure.text or "").splitlines() == ["  indented", "        by a tab"]
    assert "```text\nit died\n  indented\n        by a tab\n```" in (tmp_path / "s.md").read_text()
    assert "! panic" in (tmp_path / "h.svg").read_text()


@pytest.mark.parametrize("name", json.loads(as_json(PASS)))
def test_a_verdict_has_all_its_keys(name: str) -> None:
    values = json.loads(as_json(PASS))
    del values[name]
    with pytest.raises(ValueError, match=f"it lacks {name}$"):
        read_verdict(json.dumps(values))


@pytest.mark.parametrize("seconds", ["NaN", "Infinity", "-1", "1e999", "1" + "0" * 400, "true", '"1"', "null"])
def test_seconds_that_are_none(seconds: str) -> None:
    with pytest.raises(ValueError, match=r"total_s cannot be .{1,60}$"):
        read_verdict(as_json(PASS).replace('"total_s": 0.5', f'"total_s": {seconds}'))


@pytest.mark.parametrize("text", ["[" * 100_000, '{"a":' * 100_000], ids=["lists", "objects"])
def test_what_is_nested_without_end_is_no_verdict(text: str) -> None:
    with pytest.raises(ValueError, match="not JSON, or not all of it"):
        read_verdict(text)


def test_a_line_is_what_ends_with_a_newline(ebpf_new: Command, tmp_path: Path) -> None:
    values = {**json.loads(as_json(PASS)), "reason": "one\u2028two\u0085three"}
    (tmp_path / "a").write_text(json.dumps(values, ensure_ascii=False), encoding="utf-8")
    done = ebpf_new("report", "merge", "a", "--json")
    assert (done.returncode, json.loads(done.stdout)["reason"]) == (0, values["reason"])


@pytest.mark.parametrize("arch", [*ARCHITECTURES, "riscv64"])
def test_no_verdict_hides_behind_one_of_another_architecture(arch: str) -> None:
    (row,) = grid([replace(PASS, arch=each) for each in dict.fromkeys((*ARCHITECTURES, arch))]).values()
    assert {verdict.arch for verdict in row.values()} == {*ARCHITECTURES, arch}


@given(st.lists(st.sampled_from([PASS, TROUBLE]), max_size=30), st.integers(0, 3000))
def test_what_has_no_room_is_counted(verdicts: list[Verdict], limit: int) -> None:
    many = [replace(verdict, project=f"p{number}") for number, verdict in enumerate(verdicts)]
    text = summary(many, limit)
    assert len(text.encode()) <= limit or not text
    if limit > 2 * ROOM_BYTES:
        troubles = sum(verdict.verdict != "pass" for verdict in many)
        left_out = [int(line.split()[0]) for line in text.splitlines() if "more troubles have no room" in line]
        assert text.count("<details>") + sum(left_out) == troubles
