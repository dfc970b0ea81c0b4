# SPDX-License-Identifier: BSD-2-Clause
"""A project is created completely or not at all, whatever happens to the process or the disk."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from scaffold.generate.staging import PROJECT_BYTES, PROJECT_INODES
from scaffold.project.catalog import frameworks
from tests.conftest import git

FRAMEWORK = frameworks()[0].name
CREATE = [sys.executable, "-m", "scaffold", "hello", "--framework", FRAMEWORK]
WITHOUT_SPACE_CHECK = """
from scaffold.cli.app import main
from scaffold.generate import staging
staging.PROJECT_BYTES = staging.PROJECT_INODES = 0
main()
"""


def start(directory: Path, *arguments: str) -> subprocess.Popen[str]:
    """Start the command in `directory`, as the leader of a process group."""
    return subprocess.Popen(
        [*CREATE, *arguments],
        cwd=directory, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip


def measure_run(directory: Path) -> float:
    """Create a project in the new `directory`, and return the seconds that it took."""
    directory.mkdir()
    started = time.monotonic()
    start(directory).communicate()
    return time.monotonic() - started


def check_complete(project: Path, complete: Path) -> None:
    """Check that the project has the files of the project `complete`, in one commit."""
    assert git(project, "ls-files") == git(complete, "ls-files")
    assert git(project, "status", "--porcelain") == ""
    assert git(project, "rev-list", "--count", "HEAD") == "1"
    assert git(project, "fsck", "--strict") == ""


def interrupt(tmp_path: Path, sent: signal.Signals, runs: int) -> list[tuple[Path, subprocess.Popen[str]]]:
    """Start `runs` commands, each in its own directory, and send each a signal at another moment of the run."""
    seconds = measure_run(tmp_path / "complete")
    interrupted = []
    for number in range(runs):
        directory = tmp_path / f"run{number}"
        directory.mkdir()
        process = start(directory)
        time.sleep(seconds * (0.2 + 1.0 * number / runs))
        process.send_signal(sent)
        process.communicate()
        interrupted.append((directory, process))
    return interrupted


def test_killed_at_any_moment(tmp_path: Path) -> None:
    stale = 0
    for directory, process in interrupt(tmp_path, signal.SIGKILL, 16):
        stale += bool(list(directory.glob(".ebpf-new-*")))
        if (directory / "hello").exists():
            check_complete(directory / "hello", tmp_path / "complete/hello")
        else:
            assert process.returncode == -signal.SIGKILL
        command = [*CREATE[:3], "next", *CREATE[4:], "--no-git"]
        subprocess.run(command, cwd=directory, check=True, capture_output=True)
        assert sorted({path.name for path in directory.iterdir()} - {"hello"}) == ["next"]
    assert stale > 2, "too few runs were killed while they created the project: choose other moments"


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT])
def test_stopped_at_any_moment(tmp_path: Path, sent: signal.Signals) -> None:
    statuses = set()
    for directory, process in interrupt(tmp_path, sent, 8):
        statuses.add(process.returncode)
        names = [path.name for path in directory.iterdir()]
        assert names in ([], ["hello"])
        if names:
            check_complete(directory / "hello", tmp_path / "complete/hello")
    assert statuses <= {0, 1, -sent, 128 + sent}
    assert 128 + sent in statuses


def test_two_runs_at_once_for_one_name(tmp_path: Path) -> None:
    for number in range(3):
        directory = tmp_path / str(number)
        directory.mkdir()
        processes = [start(directory), start(directory)]
        errors = [process.communicate()[1] for process in processes]
        assert sorted(process.returncode for process in processes) == [0, 2]
        (error,) = filter(None, errors)
        assert f"{directory / 'hello'} " in error and "another name" in error
        assert [path.name for path in directory.iterdir()] == ["hello"]
        assert git(directory / "hello", "status", "--porcelain") == ""


def test_a_project_fits_into_the_space_that_is_checked(tmp_path: Path) -> None:
    measure_run(tmp_path / "complete")
    entries = list((tmp_path / "complete").rglob("*"))
    assert sum(path.lstat().st_blocks * 512 for path in entries) < PROJECT_BYTES
    assert len(entries) < PROJECT_INODES


def run_on_small_disk(directory: Path, options: str, command: list[str]) -> tuple[int, list[str], str]:
    """Run `command` in a new tmpfs; return its exit status, the files in the tmpfs afterwards, and its error output."""
    mount, listing = directory / "disk", directory / "listing"
    mount.mkdir(exist_ok=True)
    script = """
        mount -t tmpfs -o "$1" tmpfs "$2" && cd "$2" || exit 99
        listing=$3; shift 3
        "$@"; code=$?
        ls -A >"$listing"
        exit $code
    """
    shell = ["unshare", "--mount", *(["--map-root-user"] if os.getuid() else []), "sh", "-c", script, "sh"]
    full_command = [*shell, options, str(mount), str(listing), *command]
    done = subprocess.run(full_command, text=True, capture_output=True, check=False)
    assert "Traceback" not in done.stderr
    return done.returncode, listing.read_text().split(), done.stderr


@pytest.mark.parametrize("options", ["size=512k", "nr_inodes=150", "ro"])
def test_a_disk_without_enough_space_is_an_invalid_answer(tmp_path: Path, options: str) -> None:
    status, names, error = run_on_small_disk(tmp_path, options, CREATE)
    assert (status, names) == (2, [])
    assert ("is not writable" if options == "ro" else "is full: a project needs") in error


def test_a_disk_that_fills_up_at_any_moment(tmp_path: Path) -> None:
    command = [sys.executable, "-c", WITHOUT_SPACE_CHECK, *CREATE[3:]]
    at_git = 0
    for options in [*(f"size={size}k" for size in (4, 8, 64, *range(160, 720, 40))), "nr_inodes=3", "nr_inodes=60"]:
        status, names, error = run_on_small_disk(tmp_path, options, command)
        assert (status, names) in ((0, ["hello"]), (1, []))
        is_git_error = bool(re.search(r"git [a-z-]+ failed: ", error))
        assert status == 0 or is_git_error or "No space left on device" in error, error
        at_git += is_git_error
    assert at_git, "no disk was too small for the commit only: choose other sizes"


def test_a_directory_without_permission(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o555)
    restricted = ["setpriv", "--bounding-set=-dac_override"]  # without this capability, modes restrict root too
    command = [*(restricted if os.getuid() == 0 else []), *CREATE, "-o", str(closed)]
    done = subprocess.run(command, text=True, capture_output=True, check=False)
    assert done.returncode == 2, done.stderr
    assert f"{closed} is not writable" in done.stderr and "--output-dir" in done.stderr
