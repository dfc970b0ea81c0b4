# SPDX-License-Identifier: BSD-2-Clause
"""What is in a project's way, and how it gets to its place."""

import fcntl
import os
import threading
from pathlib import Path

import pytest

from scaffold.errors import DiskError, InvalidAnswersError
from scaffold.generate.staging import StagingDir, publish_all, remove_stale, staging_dir, target_problems
from scaffold.project.request import BY_DIRECTORY


def obstacle(target: Path) -> str:
    return "; ".join(problem.message for problem in target_problems(target))


def make(place: StagingDir, text: str = "whole") -> Path:
    project = place.tree / place.target.name
    project.mkdir()
    (project / "file").write_text(text)
    return project


def litter(directory: Path) -> list[Path]:
    return list(directory.glob(".ebpf-new-*"))


def test_free_places(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert obstacle(tmp_path / "new") == ""
    assert obstacle(tmp_path / "empty") == ""
    assert obstacle(tmp_path / "some/where/deep/new") == ""


def test_obstacles_say_what_is_there_and_leave_it(tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full/file").write_text("kept")
    (tmp_path / "link").symlink_to(tmp_path / "full")
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    assert "exists and is not empty; it is left as it is; choose another name" in obstacle(tmp_path / "full")
    assert "exists and is not a directory" in obstacle(tmp_path / "full/file")
    assert "is a symbolic link" in obstacle(tmp_path / "link")
    assert "is a symbolic link" in obstacle(tmp_path / "dangling")
    assert "file is not a directory; choose another place with --output-dir" in obstacle(tmp_path / "full/file/new")
    assert "dangling is not a directory" in obstacle(tmp_path / "dangling/new")
    assert "is a mount point" in obstacle(Path("/proc"))
    assert (tmp_path / "full/file").read_text() == "kept"


def test_a_file_system_that_takes_nothing() -> None:
    assert "/proc/1 is not writable" in obstacle(Path("/proc/1/new"))
    with pytest.raises(DiskError, match="cannot write in /proc: "), staging_dir(Path("/proc/new")):
        pass


def test_the_whole_project_appears_at_once_with_its_parents(tmp_path: Path) -> None:
    target = tmp_path / "labs/week1/hello"
    with staging_dir(target) as place:
        project = make(place)
        assert [path.name[:10] for path in tmp_path.iterdir()] == [".ebpf-new-"]
        place.publish(project)
    assert (target / "file").read_text() == "whole"
    assert list(tmp_path.iterdir()) == [tmp_path / "labs"]


def test_all_move_in_together(tmp_path: Path) -> None:
    with staging_dir(tmp_path / "new/one") as one, staging_dir(tmp_path / "new/two") as two:
        publish_all([(one, make(one)), (two, make(two))])
    assert sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("file")) == [
        "new/one/file",
        "new/two/file",
    ]
    assert litter(tmp_path) == []


def test_none_moves_in_when_another_cannot(tmp_path: Path) -> None:
    (tmp_path / "old").mkdir()
    with (
        staging_dir(tmp_path / "new/deep/one", BY_DIRECTORY) as one,
        staging_dir(tmp_path / "old/two", BY_DIRECTORY) as two,
        staging_dir(tmp_path / "old/three", BY_DIRECTORY) as three,
    ):
        ready = [(place, make(place)) for place in (one, two, three)]
        three.target.mkdir()
        (three.target / "file").write_text("kept")
        with pytest.raises(InvalidAnswersError) as caught:
            publish_all(ready)
        assert [problem.answer for problem in caught.value.problems] == ["DIR"]
    assert [str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*")] == ["old", "old/three", "old/three/file"]
    assert (tmp_path / "old/three/file").read_text() == "kept"


def test_an_empty_directory_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "hello").mkdir()
    with staging_dir(tmp_path / "hello") as place:
        place.publish(make(place))
    assert (tmp_path / "hello/file").read_text() == "whole"


@pytest.mark.parametrize("taken", ["directory", "file"])
def test_the_second_to_come_gets_a_message_and_touches_nothing(tmp_path: Path, taken: str) -> None:
    target = tmp_path / "hello"
    with (
        pytest.raises(InvalidAnswersError, match="was made by another process meanwhile"),
        staging_dir(target) as place,
    ):
        project = make(place, "late")
        if taken == "file":
            target.write_text("first")
        else:
            target.mkdir()
            (target / "file").write_text("first")
        place.publish(project)
    assert (target if taken == "file" else target / "file").read_text() == "first"
    assert not litter(tmp_path)


def test_parents_that_another_run_makes_meanwhile_are_shared(tmp_path: Path) -> None:
    first, second = tmp_path / "labs/week1/first", tmp_path / "labs/week1/second"
    with staging_dir(first) as one, staging_dir(second) as two:
        for place in (one, two):
            place.publish(make(place, place.target.name))
    assert [(path / "file").read_text() for path in (first, second)] == ["first", "second"]
    assert list(tmp_path.iterdir()) == [tmp_path / "labs"]


def test_a_failure_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), staging_dir(tmp_path / "a/b/hello") as place:
        make(place)
        raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == []


def test_litter_of_the_dead_goes_and_that_of_the_living_stays(tmp_path: Path) -> None:
    dead, empty, living = (tmp_path / f".ebpf-new-{pid}-01234567" for pid in (1, 2, 3))
    for path in (dead / "tree/hello/.git", empty, living / "tree"):
        path.mkdir(parents=True)
    (dead / "lock").touch()
    lock = os.open(living / "lock", os.O_RDWR | os.O_CREAT)
    fcntl.flock(lock, fcntl.LOCK_EX)
    with staging_dir(tmp_path / "hello") as place:
        assert sorted(litter(tmp_path)) == sorted([living, place.root])
    os.close(lock)
    remove_stale(tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", [".ebpf-new-notes", ".ebpf-new-1-0123456g", ".ebpf-new.json", "ebpf-new-1-01234567"])
def test_what_only_looks_like_litter_stays(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    remove_stale(tmp_path)
    assert (tmp_path / name).is_dir()


def test_a_link_that_looks_like_litter_stays(tmp_path: Path) -> None:
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious/file").touch()
    (tmp_path / ".ebpf-new-1-01234567").symlink_to(tmp_path / "precious")
    remove_stale(tmp_path)
    assert (tmp_path / "precious/file").exists()


def test_many_runs_in_one_place_do_not_disturb_each_other(tmp_path: Path) -> None:
    def clean() -> None:
        while not done.is_set():
            remove_stale(tmp_path)

    done = threading.Event()
    cleaner = threading.Thread(target=clean)
    cleaner.start()
    try:
        for number in range(200):
            with staging_dir(tmp_path / f"p{number}") as place:
                place.publish(make(place))
    finally:
        done.set()
        cleaner.join()
    assert len(list(tmp_path.iterdir())) == 200
