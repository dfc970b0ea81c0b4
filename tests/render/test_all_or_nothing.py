# SPDX-License-Identifier: BSD-2-Clause
"""A project is there as a whole or not at all, whatever happens to the process or the disk."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from scaffold.catalog import frameworks
from scaffold.place import FILES, ROOM
from tests.conftest import Command, git

FRAMEWORK = frameworks()[0].name
MAKE = [sys.executable, "-m", "scaffold", "hello", "--framework", FRAMEWORK]
SHORT_OF_ROOM = "import scaffold.place as place; place.ROOM = place.FILES = 0; from scaffold.cli import main; main()"


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
    made = 0
    littered = 0
    for place, process in interrupted(tmp_path, signal.SIGKILL, 40):
        littered += bool(list(place.glob(".ebpf-new-*")))
        if (place / "hello").exists():
            made += 1
            check_whole(place / "hello", tmp_path / "whole/hello")
        else:
            assert process.returncode == -signal.SIGKILL
            assert start(place).wait() == 0
        start(place).wait()  # makes nothing, the name being taken
        subprocess.run([*MAKE[:3], "next", *MAKE[4:]], cwd=place, check=True, capture_output=True)
        assert sorted(path.name for path in place.iterdir()) == ["hello", "next"]
    assert littered > 5, "no run was killed in the midst of it: choose other moments"


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_stopped_at_any_moment(tmp_path: Path, sent: signal.Signals) -> None:
    codes = set()
    for place, process in interrupted(tmp_path, sent, 12):
        codes.add(process.returncode)
        left = [path.name for path in place.iterdir()]
        assert left in ([], ["hello"])
        if left:
            check_whole(place / "hello", tmp_path / "whole/hello")
    assert codes <= {0, 1, -sent, 128 + sent}
    assert 128 + sent in codes


def test_two_at_once_for_one_name(tmp_path: Path) -> None:
    for number in range(5):
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


def on_small_disk(mount: Path, options: str, command: list[str]) -> subprocess.CompletedProcess[str]:
    """Run `command` with a new tmpfs at `mount`, and print afterwards what is in that, in JSON."""
    mount.mkdir()
    script = """
        mount -t tmpfs -o "$1" tmpfs "$2" && cd "$2" && shift 2 || exit 99
        "$@"; code=$?
        ls -A >&3
        exit $code
    """
    shell = ["unshare", "--user", "--map-root-user", "--mount"] if os.getuid() else ["unshare", "--mount"]
    reader, writer = os.pipe()
    listing = f"exec 3>&{writer}\n{script}"
    whole = [*shell, "sh", "-c", listing, "sh", options, str(mount), *command]
    done = subprocess.run(whole, text=True, capture_output=True, pass_fds=[writer], check=False)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        done.stdout = json.dumps(pipe.read().split())
    return done


@pytest.mark.parametrize("options", ["size=512k", "nr_inodes=150", "ro"])
def test_a_disk_that_cannot_take_it_is_a_bad_answer(tmp_path: Path, options: str) -> None:
    done = on_small_disk(tmp_path / "disk", options, MAKE)
    assert (done.returncode, done.stdout) == (2, "[]")
    assert ("is not writable" if options == "ro" else "is full: a project needs") in done.stderr


@pytest.mark.parametrize("options", [*(f"size={size}k" for size in range(4, 700, 60)), "nr_inodes=3", "nr_inodes=50"])
def test_a_disk_that_fills_up_meanwhile(tmp_path: Path, options: str) -> None:
    command = [sys.executable, "-c", SHORT_OF_ROOM, *MAKE[3:]]
    done = on_small_disk(tmp_path / "disk", options, command)
    if done.returncode == 0:
        assert done.stdout == '["hello"]'
        return
    assert (done.returncode, done.stdout) == (1, "[]")
    assert "No space left on device" in done.stderr
    assert "Traceback" not in done.stderr


def test_at_least_one_small_disk_is_too_small_for_the_commit_only(tmp_path: Path) -> None:
    sizes = []
    for number, size in enumerate(range(200, 700, 40)):
        done = on_small_disk(
            tmp_path / str(number), f"size={size}k", [sys.executable, "-c", SHORT_OF_ROOM, *MAKE[3:]]
        )
        sizes.append("git failed" in done.stderr)
    assert any(sizes)


def test_a_directory_without_permission(tmp_path: Path, ebpf_new: Command) -> None:
    command = MAKE if os.getuid() else ["setpriv", "--reuid", "65534", "--clear-groups", *MAKE]
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o555)
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2]), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [*command, "-o", str(closed)], cwd="/", env=environment, text=True, capture_output=True, check=False
    )
    assert done.returncode == 2, done.stderr
    assert f"{closed} is not writable; choose another place with --output-dir" in done.stderr
