# SPDX-License-Identifier: BSD-2-Clause
"""An update changes the whole project or nothing, even if the process is killed or the disk is full."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from scaffold.errors import GitError
from tests.conftest import git
from tests.render.histories import commit_all, create_at, update_to
from tests.render.trees import contents

# Does the part of an update that writes, with the signal handler of the command line.
SCRIPT = """
import signal, sys, tempfile
from pathlib import Path
from scaffold.update.checkout import find_checkout
from scaffold.errors import EbpfNewError
from scaffold.update.update import Mode, update_tree
signal.signal(signal.SIGTERM, lambda signum, frame: sys.exit(143))
project, base, theirs = map(Path, sys.argv[1:])
try:
    with tempfile.TemporaryDirectory() as directory:
        print("started", flush=True)
        update_tree(find_checkout(project), base, theirs, "2.0", Path(directory), Mode.WRITE)
except EbpfNewError as error:
    sys.exit(f"ebpf-new: {error}")
"""


@pytest.fixture(scope="module")
def trees(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Generate the project at 1.0 and at 2.0."""
    directory = tmp_path_factory.mktemp("trees")
    base, theirs = (create_at(version, directory / version / "hello", with_git=False) for version in ("1.0", "2.0"))
    return base, theirs


def edited(directory: Path) -> Path:
    """Create a project whose update has conflicts, and adds and removes directories."""
    project = create_at("1.0", directory)
    (project / "docs/guide.md").write_text((project / "docs/guide.md").read_text().replace("Line 7", "My line 7"))
    git(project, "rm", "--quiet", "docs/last.md")
    commit_all(project)
    return project


def start(project: Path, trees: tuple[Path, Path]) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", SCRIPT, str(project), *map(str, trees)]
    root = Path(__file__).parents[2]
    return subprocess.Popen(
        command, cwd=root, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )


def state_of(project: Path) -> tuple[object, str]:
    return contents(project), git(project, "status", "--porcelain")


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_signal_at_any_moment(tmp_path: Path, trees: tuple[Path, Path], signum: signal.Signals) -> None:
    project = edited(tmp_path / "hello")
    before = state_of(project)
    start_time = time.monotonic()
    assert start(project, trees).wait() == 0
    duration, after = time.monotonic() - start_time, state_of(project)
    assert before != after
    untouched = 0
    for moment in range(4):
        git(project, "reset", "--quiet", "--hard")
        process = start(project, trees)
        assert process.stdout and process.stdout.readline() == "started\n"
        time.sleep(duration * moment / 6)
        os.killpg(process.pid, signum)  # git gets the signal too, as for Ctrl-C
        process.communicate()
        if signum is signal.SIGKILL:  # may leave the update half done, but git can restore everything
            git(project, "reset", "--quiet", "--hard")
            (project / ".git/index.lock").unlink(missing_ok=True)
            assert {name: file for name, file in contents(project).items() if ".ebpf-new-" not in name} == before[0]
            untouched += 1
            continue
        state = state_of(project)
        assert state in (before, after)
        untouched += state == before
    assert untouched, "every update ended before the signal: choose earlier moments"
    git(project, "reset", "--quiet", "--hard")
    assert start(project, trees).wait() == 0
    assert state_of(project) == after  # the staging directories of killed runs are removed


def test_when_git_cannot_write_the_index(tmp_path: Path) -> None:
    project = edited(tmp_path / "hello")
    before = state_of(project)
    (project / ".git/index.lock").touch()
    with pytest.raises(GitError, match=r"git update-index failed: .*index\.lock"):
        update_to(project, "2.0")
    (project / ".git/index.lock").unlink()
    assert state_of(project) == before
    assert not list(project.glob(".ebpf-new-*"))
    assert update_to(project, "2.0").exit_code == 1


def update_on_small_disk(
    directory: Path, project: Path, room: str, trees: tuple[Path, Path]
) -> tuple[int, str, list[str]]:
    """Update a copy of `project` on a disk with `room` (KiB, or "ro" for a read-only disk).

    Return the exit status, what was printed on stderr, and the files after the update.
    """
    mount = directory / "disk"
    mount.mkdir(exist_ok=True)
    script = """
        mount -t tmpfs -o size=64m tmpfs "$1" && cp -a "$2" "$1/hello" || exit 99
        used=$(df --output=used "$1" | tail -n 1)
        case $3 in ro) limits=ro ;; *) limits=size=$((used + $3))k ;; esac
        mount -o "remount,$limits" "$1" && cd "$4" || exit 99
        disk=$1; shift 4; "$@"; code=$?
        mount -o remount,rw,size=64m "$disk" && cd "$disk/hello" || exit 99
        git status --porcelain; find . -path ./.git -prune -o -type f -print0 | sort -z | xargs -0 sha256sum
        exit $code
    """
    shell = ["unshare", "--mount", *(["--map-root-user"] if os.getuid() else []), "sh", "-c", script, "sh"]
    update = [sys.executable, "-c", SCRIPT, str(mount / "hello"), *map(str, trees)]
    command = [*shell, str(mount), str(project), room, str(Path(__file__).parents[2]), *update]
    done = subprocess.run(command, text=True, capture_output=True, check=False)
    assert "Traceback" not in done.stderr and done.stdout.startswith("started\n"), done.stderr
    return done.returncode, done.stderr, done.stdout.splitlines()[1:]


def test_a_full_disk_at_any_moment(tmp_path: Path, trees: tuple[Path, Path]) -> None:
    project = edited(tmp_path / "hello")
    code, _, whole = update_on_small_disk(tmp_path, project, "9999", trees)
    assert code == 0
    code, printed, untouched = update_on_small_disk(tmp_path, project, "ro", trees)
    assert code == 1 and "cannot write " in printed and untouched != whole
    # A binary search finds the largest disk that is too small: there only the last step, writing the index, fails.
    enough, last = 256, ""
    for step in (256, 128, 64, 32, 16, 8, 4):
        code, printed, files = update_on_small_disk(tmp_path, project, str(enough - step), trees)
        assert code in (0, 1)
        assert files == (whole if code == 0 else untouched)
        assert code == 0 or "No space left" in printed or "failed: " in printed, printed
        enough, last = (enough - step, last) if code == 0 else (enough, printed)
    assert "git update-index failed" in last
