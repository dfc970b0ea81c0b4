# SPDX-License-Identifier: BSD-2-Clause
"""What prevents a project at its target, and how staging directories publish projects."""

import fcntl
import os
import threading
from pathlib import Path

import pytest

from scaffold.errors import DiskError, InvalidAnswersError, Problem
from scaffold.generate.staging import StagingDir, find_target_problems, publish_all, remove_stale, staging_dir
from scaffold.project.request import DIR_LABEL


def find_problem(target: Path) -> Problem | None:
    """Return the only problem of `target`."""
    problems = find_target_problems(target)
    assert len(problems) <= 1
    return problems[0] if problems else None


def create_project(staging: StagingDir, text: str = "complete") -> Path:
    """Create a project with one file in `staging`."""
    project = staging.tree / staging.target.name
    project.mkdir()
    (project / "file").write_text(text)
    return project


def staging_directories(directory: Path) -> list[Path]:
    """Return the staging directories in `directory`."""
    return list(directory.glob(".ebpf-new-*"))


def test_a_missing_or_empty_target_has_no_problem(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert find_problem(tmp_path / "new") is None
    assert find_problem(tmp_path / "empty") is None
    assert find_problem(tmp_path / "some/where/deep/new") is None


def test_problems_name_the_obstacle_and_a_remedy(tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full/file").write_text("kept")
    (tmp_path / "link").symlink_to(tmp_path / "full")
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    facts = {
        tmp_path / "full": (tmp_path / "full", "already exists and is not empty", "another name"),
        tmp_path / "full/file": (tmp_path / "full/file", "already exists and is not a directory", "another name"),
        tmp_path / "link": (tmp_path / "link", "symbolic link", "another name"),
        tmp_path / "dangling": (tmp_path / "dangling", "symbolic link", "another name"),
        tmp_path / "full/file/new": (tmp_path / "full/file", "is not a directory", "--output-dir"),
        tmp_path / "dangling/new": (tmp_path / "dangling", "is not a directory", "--output-dir"),
        Path("/proc"): (Path("/proc"), "mount point", "/proc/NAME"),
        Path("/proc/1/new"): (Path("/proc/1"), "is not writable", "--output-dir"),
    }
    for target, (obstacle, reason, remedy) in facts.items():
        problem = find_problem(target)
        assert problem and problem.answer == "NAME"
        assert problem.message.startswith(f"{obstacle} ") and reason in problem.message
        assert remedy in problem.hint
    assert (tmp_path / "full/file").read_text() == "kept"


def test_a_label_decides_how_problems_name_the_target(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (problem,) = find_target_problems(tmp_path / "file/new", DIR_LABEL)
    assert problem.answer == "DIR" and "another DIR" in problem.hint


def test_disk_space_is_counted_for_all_projects(tmp_path: Path) -> None:
    (problem,) = find_target_problems(tmp_path / "new", projects=1 << 40)
    assert str(tmp_path) in problem.message and f"{1 << 40} projects need {1 << 41} MiB" in problem.message


def test_a_read_only_file_system_is_an_error() -> None:
    with pytest.raises(DiskError, match="cannot write to /proc: "), staging_dir(Path("/proc/new")):
        pass


def test_a_project_is_published_with_its_missing_parents(tmp_path: Path) -> None:
    target = tmp_path / "labs/week1/hello"
    with staging_dir(target) as staging:
        project = create_project(staging)
        assert [path.name[:10] for path in tmp_path.iterdir()] == [".ebpf-new-"]
        staging.publish(project)
    assert (target / "file").read_text() == "complete"
    assert list(tmp_path.iterdir()) == [tmp_path / "labs"]


def test_all_projects_are_published_together(tmp_path: Path) -> None:
    with staging_dir(tmp_path / "new/one") as one, staging_dir(tmp_path / "new/two") as two:
        publish_all([(one, create_project(one)), (two, create_project(two))])
    assert sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("file")) == [
        "new/one/file",
        "new/two/file",
    ]
    assert staging_directories(tmp_path) == []


def test_no_project_is_published_if_one_target_exists(tmp_path: Path) -> None:
    (tmp_path / "old").mkdir()
    with (
        staging_dir(tmp_path / "new/deep/one", DIR_LABEL) as one,
        staging_dir(tmp_path / "old/two", DIR_LABEL) as two,
        staging_dir(tmp_path / "old/three", DIR_LABEL) as three,
    ):
        ready = [(staging, create_project(staging)) for staging in (one, two, three)]
        three.target.mkdir()
        (three.target / "file").write_text("kept")
        with pytest.raises(InvalidAnswersError) as caught:
            publish_all(ready)
        assert [problem.answer for problem in caught.value.problems] == ["DIR"]
    assert [str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*")] == ["old", "old/three", "old/three/file"]
    assert (tmp_path / "old/three/file").read_text() == "kept"


def test_an_empty_directory_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "hello").mkdir()
    with staging_dir(tmp_path / "hello") as staging:
        staging.publish(create_project(staging))
    assert (tmp_path / "hello/file").read_text() == "complete"


@pytest.mark.parametrize("taken", ["directory", "file"])
def test_a_target_that_another_process_created_does_not_change(tmp_path: Path, taken: str) -> None:
    target = tmp_path / "hello"
    with (
        pytest.raises(InvalidAnswersError, match="another process"),
        staging_dir(target) as staging,
    ):
        project = create_project(staging, "second")
        if taken == "file":
            target.write_text("first")
        else:
            target.mkdir()
            (target / "file").write_text("first")
        staging.publish(project)
    assert (target if taken == "file" else target / "file").read_text() == "first"
    assert not staging_directories(tmp_path)


def test_parents_that_another_run_creates_meanwhile_are_shared(tmp_path: Path) -> None:
    first, second = tmp_path / "labs/week1/first", tmp_path / "labs/week1/second"
    with staging_dir(first) as one, staging_dir(second) as two:
        for staging in (one, two):
            staging.publish(create_project(staging, staging.target.name))
    assert [(path / "file").read_text() for path in (first, second)] == ["first", "second"]
    assert list(tmp_path.iterdir()) == [tmp_path / "labs"]


def test_an_error_removes_the_staging_directory(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), staging_dir(tmp_path / "a/b/hello") as staging:
        create_project(staging)
        raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == []


def test_staging_directories_of_killed_runs_are_removed_and_those_of_active_runs_remain(tmp_path: Path) -> None:
    killed, empty, active = (tmp_path / f".ebpf-new-{pid}-01234567" for pid in (1, 2, 3))
    for path in (killed / "tree/hello/.git", empty, active / "tree"):
        path.mkdir(parents=True)
    (killed / "lock").touch()
    lock = os.open(active / "lock", os.O_RDWR | os.O_CREAT)
    fcntl.flock(lock, fcntl.LOCK_EX)
    with staging_dir(tmp_path / "hello") as staging:
        assert sorted(staging_directories(tmp_path)) == sorted([active, staging.root])
    os.close(lock)
    remove_stale(tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", [".ebpf-new-notes", ".ebpf-new-1-0123456g", ".ebpf-new.json", "ebpf-new-1-01234567"])
def test_directories_with_similar_names_remain(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    remove_stale(tmp_path)
    assert (tmp_path / name).is_dir()


def test_a_link_with_the_name_of_a_staging_directory_remains(tmp_path: Path) -> None:
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious/file").touch()
    (tmp_path / ".ebpf-new-1-01234567").symlink_to(tmp_path / "precious")
    remove_stale(tmp_path)
    assert (tmp_path / "precious/file").exists()


def test_concurrent_runs_do_not_remove_the_staging_directories_of_each_other(tmp_path: Path) -> None:
    def clean() -> None:
        while not done.is_set():
            remove_stale(tmp_path)

    done = threading.Event()
    cleaner = threading.Thread(target=clean)
    cleaner.start()
    try:
        for number in range(200):
            with staging_dir(tmp_path / f"p{number}") as staging:
                staging.publish(create_project(staging))
    finally:
        done.set()
        cleaner.join()
    assert len(list(tmp_path.iterdir())) == 200
