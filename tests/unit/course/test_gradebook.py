# SPDX-License-Identifier: BSD-2-Clause
"""The gradebook: a row for each repository, also if others fail, and after an interruption."""

import csv
from collections.abc import Iterable
from pathlib import Path

import pytest

from scaffold.course.gradebook import Gradebook
from scaffold.course.submissions import Submission
from scaffold.errors import DiskError
from scaffold.testing.engine import Ended, Event, Started
from scaffold.vmtest.verdict import Outcome, Verdict

KERNELS = ["6.1", "6.12"]


def read_rows(path: Path) -> dict[str, dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return {row["name"]: row for row in csv.DictReader(file)}


def new_gradebook(path: Path, *names: str) -> Gradebook:
    return Gradebook(path, [Submission(name, path.parent / name, "libbpf") for name in names], KERNELS)


def follow(gradebook: Gradebook, events: Iterable[Event]) -> None:
    assert list(gradebook.follow(events)) == list(events)


def run(project: str, kernel: str, verdict: Outcome = Outcome.PASS, reason: str = "") -> list[Event]:
    result = Verdict(project, "libbpf", kernel, verdict=verdict, reason=reason, total_s=1.5)
    return [Started(project, kernel), Ended(project, kernel), result]


def build(project: str) -> list[Event]:
    return [Started(project, ""), Ended(project, "")]


def failed_build(project: str, verdict: Outcome = Outcome.FAIL) -> list[Event]:
    failure = Verdict(project, "libbpf", "", verdict=verdict, reason="it does not build: no")
    return [Started(project, ""), Ended(project, "", failure), *(failure for _ in KERNELS)]


def test_row_for_each_repository(tmp_path: Path) -> None:
    path = tmp_path / "gradebook.csv"
    events = [
        *build("a"), *failed_build("b"), *failed_build("c", Outcome.TIMEOUT),
        *run("a", "6.1"), *run("a", "6.12", Outcome.FAIL, "no event"),
    ]  # fmt: skip
    follow(new_gradebook(path, "a", "b", "c"), events)
    rows = read_rows(path)
    assert list(rows) == ["a", "b", "c"]
    assert list(rows["a"].values())[:8] == ["a", "", "", "libbpf", "ok", "pass", "fail", "1"]
    assert (rows["a"]["reason"], rows["a"]["run_s"]) == ("6.12: no event", "3.0")
    assert (rows["b"]["build"], rows["b"]["6.1"], rows["b"]["passed"]) == ("failed", "not built", "0")
    assert (rows["b"]["reason"], rows["c"]["build"]) == ("it does not build: no", "timeout")


def test_file_is_written_when_a_row_is_complete(tmp_path: Path) -> None:
    path = tmp_path / "gradebook.csv"
    gradebook = new_gradebook(path, "a", "b")
    gradebook.write()
    assert [row["build"] for row in read_rows(path).values()] == ["", ""]
    events = gradebook.follow([*failed_build("b"), *build("a"), *run("a", "6.1")])
    next(events)
    next(events)
    assert read_rows(path)["b"]["build"] == "failed"
    events.close()
    assert list(tmp_path.iterdir()) == [path]


def test_known_results_are_written_after_an_interruption(tmp_path: Path) -> None:
    path = tmp_path / "gradebook.csv"
    events = new_gradebook(path, "a").follow([*build("a"), *run("a", "6.1"), *run("a", "6.12")])
    for _ in range(5):
        next(events)
    events.close()
    assert (read_rows(path)["a"]["6.1"], read_rows(path)["a"]["6.12"]) == ("pass", "")


def test_resume_keeps_complete_rows_only(tmp_path: Path) -> None:
    path = tmp_path / "gradebook.csv"
    names = ("=a", "failed", "lost", "half", "unbuilt")
    events = [
        *build("=a"), *run("=a", "6.1"), *run("=a", "6.12", Outcome.PANIC, "it panicked"), *failed_build("failed"),
        *failed_build("unbuilt", Outcome.ERROR), *build("lost"), *build("half"),
        *run("lost", "6.1"), *run("lost", "6.12", Outcome.ERROR, "no QEMU"), *run("half", "6.1"),
    ]  # fmt: skip
    follow(new_gradebook(path, *names), events)
    before = path.read_text()
    again = new_gradebook(path, *names)
    assert again.resume() == ["=a", "failed"]
    again.write()
    assert path.read_text().splitlines()[:3] == before.splitlines()[:3]


def test_resume_with_another_kernel_keeps_no_row(tmp_path: Path) -> None:
    path = tmp_path / "gradebook.csv"
    follow(new_gradebook(path, "a"), [*build("a"), *run("a", "6.1"), *run("a", "6.12")])
    assert Gradebook(path, [Submission("a", tmp_path)], ["5.10"]).resume() == []
    assert new_gradebook(tmp_path / "none.csv", "a").resume() == []


def test_cells_are_no_formulas_and_have_one_line(tmp_path: Path) -> None:
    path = tmp_path / "gradebook.csv"
    submission = Submission("=1+1", tmp_path, "@x", "+a\nb", "-m", {"=id": "=HYPERLINK(1)"})
    Gradebook(path, [submission], ["-6.1"]).write()
    with path.open(encoding="utf-8", newline="") as file:
        cells = [cell for row in csv.reader(file) for cell in row]
    assert [cell for cell in cells if cell.startswith(tuple("=+-@"))] == []
    assert "'+a b" in cells


def test_submissions_with_a_problem_have_complete_rows(tmp_path: Path) -> None:
    path = tmp_path / "gradebook.csv"
    missing = Submission("missing", tmp_path, problem="the repository is missing", is_missing=True)
    follow(Gradebook(path, [missing, Submission("odd", tmp_path, problem="odd")], KERNELS), [])
    rows = read_rows(path)
    assert (rows["missing"]["build"], rows["missing"]["reason"]) == ("missing", "the repository is missing")
    assert (rows["odd"]["build"], rows["odd"]["6.1"]) == ("failed", "not built")


def test_write_error(tmp_path: Path) -> None:
    with pytest.raises(DiskError, match=r"cannot write .*gradebook\.csv"):
        new_gradebook(tmp_path / "none/gradebook.csv", "a").write()
