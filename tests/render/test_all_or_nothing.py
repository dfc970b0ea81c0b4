# SPDX-License-Identifier: BSD-2-Clause
"""A project is there as a whole or not at all, whatever happens to the process or the disk."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from scaffold.generate.staging import FILES, ROOM
from scaffold.project.catalog import frameworks
from tests.conftest import git

FRAMEWORK = frameworks()[0].name
MAKE = [sys.executable, "-m", "scaffold", "hello", "--framework", FRAMEWORK]
SHORT_OF_ROOM = (
    "import scaffold.generate.staging as place; place.ROOM = place.FILES = 0; from scaffold.cli.app import main; main()"
)


def start(directory: Path, *arguments: str) -> subprocess.Popen[str]:
    """Start making a project, as the leader of its own group of processes."""
    return subprocess.Popen(
        [*MAKE, *arguments],
        cwd=directory, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip


def seconds_of_a_run(directory: Path) -> float:
    """How long making a project takes here and now."""
    directory.mkdir()
    began = time.monotonic()
    start(directory).communicate()
    return time.monotonic() - began


def check_whole(project: Path, whole: Path) -> None:
    """The project has the files of `whole`, all committed."""
    assert git(project, "ls-files") == git(whole, "ls-files")
    assert git(project, "status", "--porcelain") == ""
    assert git(project, "rev-list", "--count", "HEAD") == "1"
    assert git(project, "fsck", "--strict") == ""


def interrupted(tmp_path: Path, sent: signal.Signals, runs: int) -> list[tuple[Path, subprocess.Popen[str]]]:
    """Run in a directory of its own each time, and send the signal at moments spread over the whole run."""
    whole = seconds_of_a_run(tmp_path / "whole")
    done = []
    for number in range(runs):
        place = tmp_path / f"run{number}"
        place.mkdir()
        process = start(place)
        time.sleep(whole * (0.2 + 1.0 * number / runs))
        process.send_signal(sent)
        process.communicate()
        done.append((place, process))
    return done


def test_killed_at_any_moment(tmp_path: Path) -> None:
    littered = 0
    for place, process in interrupted(tmp_path, signal.SIGKILL, 16):
        littered += bool(list(place.glob(".ebpf-new-*")))
        if (place / "hello").exists():
            check_whole(place / "hello", tmp_path / "whole/hello")
        else:
            assert process.returncode == -signal.SIGKILL
        subprocess.run([*MAKE[:3], "next", *MAKE[4:], "--no-git"], cwd=place, check=True, capture_output=True)
        assert sorted({path.name for path in place.iterdir()} - {"hello"}) == ["next"]
    assert littered > 2, "no run was killed in the midst of it: choose other moments"


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT])
def test_stopped_at_any_moment(tmp_path: Path, sent: signal.Signals) -> None:
    codes = set()
    for place, process in interrupted(tmp_path, sent, 8):
        codes.add(process.returncode)
        left = [path.name for path in place.iterdir()]
        assert left in ([], ["hello"])
        if left:
            check_whole(place / "hello", tmp_path / "whole/hello")
    assert codes <= {0, 1, -sent, 128 + sent}
    assert 128 + sent in codes


def test_two_at_once_for_one_name(tmp_path: Path) -> None:
    for number in range(3):
        place = tmp_path / str(number)
        place.mkdir()
        both = [start(place), start(place)]
        said = [process.communicate()[1] for process in both]
        assert sorted(process.returncode for process in both) == [0, 2]
        assert sum("it is left as it is" in text or "is left as it is" in text for text in said) == 1
        assert [path.name for path in place.iterdir()] == ["hello"]
        assert git(place / "hello", "status", "--porcelain") == ""


def test_a_project_fits_into_the_room_that_is_asked_for(tmp_path: Path) -> None:
    seconds_of_a_run(tmp_path / "whole")
    entries = list((tmp_path / "whole").rglob("*"))
    assert sum(path.lstat().st_blocks * 512 for path in entries) < ROOM
    assert len(entries) < FILES


def on_small_disk(directory: Path, options: str, command: list[str]) -> tuple[int, list[str], str]:
    """Run `command` in a new tmpfs; return its exit code, what is in the tmpfs afterwards, and what it said."""
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
    whole = [*shell, options, str(mount), str(listing), *command]
    done = subprocess.run(whole, text=True, capture_output=True, check=False)
    assert "Traceback" not in done.stderr
    return done.returncode, listing.read_text().split(), done.stderr


@pytest.mark.parametrize("options", ["size=512k", "nr_inodes=150", "ro"])
def test_a_disk_that_cannot_take_it_is_a_bad_answer(tmp_path: Path, options: str) -> None:
    code, left, said = on_small_disk(tmp_path, options, MAKE)
    assert (code, left) == (2, [])
    assert ("is not writable" if options == "ro" else "is full: a project needs") in said


def test_a_disk_that_fills_up_at_any_moment(tmp_path: Path) -> None:
    command = [sys.executable, "-c", SHORT_OF_ROOM, *MAKE[3:]]
    at_git = 0
    for options in [*(f"size={size}k" for size in (4, 8, 64, *range(160, 720, 40))), "nr_inodes=3", "nr_inodes=60"]:
        code, left, said = on_small_disk(tmp_path, options, command)
        assert (code, left) in ((0, ["hello"]), (1, []))
        assert code == 0 or "No space left on device" in said or "git failed: " in said, said
        at_git += "git failed" in said
    assert at_git, "no disk was too small for the commit alone: choose other sizes"


def test_a_directory_without_permission(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o555)
    bound = ["setpriv", "--bounding-set=-dac_override"]  # without this capability modes bind root too
    command = [*(bound if os.getuid() == 0 else []), *MAKE, "-o", str(closed)]
    done = subprocess.run(command, text=True, capture_output=True, check=False)
    assert done.returncode == 2, done.stderr
    assert f"{closed} is not writable; choose another place with --output-dir" in done.stderr
