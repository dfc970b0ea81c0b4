# SPDX-License-Identifier: BSD-2-Clause
"""The gradebook: a row for each repository, whatever becomes of the others."""

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


def written(path: Path) -> dict[str, dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return {row["name"]: row for row in csv.DictReader(file)}


def book(path: Path, *names: str) -> Gradebook:
    return Gradebook(path, [Submission(name, path.parent / name, "libbpf") for name in names], KERNELS)


def follow(gradebook: Gradebook, events: Iterable[Event]) -> None:
    assert list(gradebook.follow(events)) == list(events)


def run(project: str, kernel: str, verdict: Outcome = Outcome.PASS, reason: str = "") -> list[Event]:
    found = Verdict(project, "libbpf", kernel, verdict=verdict, reason=reason, total_s=1.5)
    return [Started(project, kernel), Ended(project, kernel), found]


def built(project: str) -> list[Event]:
    return [Started(project, ""), Ended(project, "")]


def not_built(project: str, verdict: Outcome = Outcome.FAIL) -> list[Event]:
    failure = Verdict(project, "libbpf", "", verdict=verdict, reason="it does not build: no")
    return [Started(project, ""), Ended(project, "", failure), *(failure for _ in KERNELS)]


def test_each_repository_has_a_row(tmp_path: Path) -> None:
    path = tmp_path / "gradebook.csv"
    events = [
        *built("a"), *not_built("b"), *not_built("c", Outcome.TIMEOUT),
        *run("a", "6.1"), *run("a", "6.12", Outcome.FAIL, "no event"),
    ]  # fmt: skip
    follow(book(path, "a", "b", "c"), events)
    rows = written(path)
    assert list(rows) == ["a", "b", "c"]
    assert list(rows["a"].values())[:8] == ["a", "", "", "libbpf", "ok", "pass", "fail", "1"]
    assert (rows["a"]["reason"], rows["a"]["run_s"]) == ("6.12: no event", "3.0")
    assert (rows["b"]["build"], rows["b"]["6.1"], rows["b"]["passed"]) == ("failed", "not built", "0")
    assert (rows["b"]["reason"], rows["c"]["build"]) == ("it does not build: no", "timeout")


def test_rows_are_there_before_all_is_done(tmp_path: Path) -> None:
    path = tmp_path / "gradebook.csv"
    gradebook = book(path, "a", "b")
    gradebook.write()
    assert [row["build"] for row in written(path).values()] == ["", ""]
    events = gradebook.follow([*not_built("b"), *built("a"), *run("a", "6.1")])
    next(events)
    next(events)
    assert written(path)["b"]["build"] == "failed"
    events.close()
    assert list(tmp_path.iterdir()) == [path]


def test_what_was_known_when_it_was_stopped_is_written(tmp_path: Path) -> None:
    path = tmp_path / "gradebook.csv"
    events = book(path, "a").follow([*built("a"), *run("a", "6.1"), *run("a", "6.12")])
    for _ in range(5):
        next(events)
    events.close()
    assert (written(path)["a"]["6.1"], written(path)["a"]["6.12"]) == ("pass", "")


def test_resuming_keeps_what_was_done_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "gradebook.csv"
    names = ("=a", "failed", "spoilt", "half", "unbuilt")
    events = [
        *built("=a"), *run("=a", "6.1"), *run("=a", "6.12", Outcome.PANIC, "it panicked"), *not_built("failed"),
        *not_built("unbuilt", Outcome.ERROR), *built("spoilt"), *built("half"),
        *run("spoilt", "6.1"), *run("spoilt", "6.12", Outcome.ERROR, "no QEMU"), *run("half", "6.1"),
    ]  # fmt: skip
    follow(book(path, *names), events)
    before = path.read_text()
    again = book(path, *names)
    assert again.resume() == ["=a", "failed"]
    again.write()
    assert path.read_text().splitlines()[:3] == before.splitlines()[:3]


def test_resuming_on_another_kernel_does_all_again(tmp_path: Path) -> None:
    path = tmp_path / "gradebook.csv"
    follow(book(path, "a"), [*built("a"), *run("a", "6.1"), *run("a", "6.12")])
    assert Gradebook(path, [Submission("a", tmp_path)], ["5.10"]).resume() == []
    assert book(tmp_path / "none.csv", "a").resume() == []


def test_no_cell_is_a_formula_or_more_than_a_line(tmp_path: Path) -> None:
    path = tmp_path / "gradebook.csv"
    who = Submission("=1+1", tmp_path, "@x", "+a\nb", "-m", {"=id": "=HYPERLINK(1)"})
    Gradebook(path, [who], ["-6.1"]).write()
    with path.open(encoding="utf-8", newline="") as file:
        cells = [cell for row in csv.reader(file) for cell in row]
    assert [cell for cell in cells if cell.startswith(tuple("=+-@"))] == []
    assert "'+a b" in cells


def test_what_cannot_be_checked_has_its_row(tmp_path: Path) -> None:
    path = tmp_path / "gradebook.csv"
    gone = Submission("gone", tmp_path, problem="there is no repository", missing=True)
    follow(Gradebook(path, [gone, Submission("odd", tmp_path, problem="odd")], KERNELS), [])
    rows = written(path)
    assert (rows["gone"]["build"], rows["gone"]["reason"]) == ("missing", "there is no repository")
    assert (rows["odd"]["build"], rows["odd"]["6.1"]) == ("failed", "not built")


def test_a_gradebook_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(DiskError, match=r"cannot write .*gradebook\.csv"):
        book(tmp_path / "none/gradebook.csv", "a").write()
