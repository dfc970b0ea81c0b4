# SPDX-License-Identifier: BSD-2-Clause
"""A project is updated as a whole or not at all, whatever happens to the process or the disk."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from scaffold.errors import GitError
from tests.conftest import git
from tests.render.histories import commit, made_at, updated
from tests.render.trees import contents

# The part of the command that writes, with the signals of the command line.
SCRIPT = """
import signal, sys, tempfile
from pathlib import Path
from scaffold.update.checkout import find_checkout
from scaffold.errors import EbpfNewError
from scaffold.update.update import Mode, bring
signal.signal(signal.SIGTERM, lambda signum, frame: sys.exit(143))
project, made, theirs = map(Path, sys.argv[1:])
try:
    with tempfile.TemporaryDirectory() as place:
        print("begins", flush=True)
        bring(find_checkout(project), made, theirs, "2.0", Path(place), Mode.WRITE)
except EbpfNewError as error:
    sys.exit(f"ebpf-new: {error}")
"""


@pytest.fixture(scope="module")
def trees(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The project as it was made, and as it is to be."""
    place = tmp_path_factory.mktemp("trees")
    made, theirs = (made_at(version, place / version / "hello", with_git=False) for version in ("1.0", "2.0"))
    return made, theirs


def edited(directory: Path) -> Path:
    """A project whose update makes conflicts, removes directories and adds some."""
    project = made_at("1.0", directory)
    (project / "docs/guide.md").write_text((project / "docs/guide.md").read_text().replace("Line 7", "My line 7"))
    git(project, "rm", "--quiet", "docs/last.md")
    commit(project)
    return project


def start(project: Path, trees: tuple[Path, Path]) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", SCRIPT, str(project), *map(str, trees)]
    root = Path(__file__).parents[2]
    return subprocess.Popen(
        command, cwd=root, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )


def fate(project: Path) -> tuple[object, str]:
    return contents(project), git(project, "status", "--porcelain")


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_ended_at_any_moment(tmp_path: Path, trees: tuple[Path, Path], sent: signal.Signals) -> None:
    project = edited(tmp_path / "hello")
    before = fate(project)
    began = time.monotonic()
    assert start(project, trees).wait() == 0
    whole, after = time.monotonic() - began, fate(project)
    assert before != after
    untouched = 0
    for moment in range(4):
        git(project, "reset", "--quiet", "--hard")
        process = start(project, trees)
        assert process.stdout and process.stdout.readline() == "begins\n"
        time.sleep(whole * moment / 6)
        os.killpg(process.pid, sent)  # git gets it too, as by Ctrl-C
        process.communicate()
        if sent is signal.SIGKILL:  # what cannot be caught may leave a part; then git has all that was there
            git(project, "reset", "--quiet", "--hard")
            (project / ".git/index.lock").unlink(missing_ok=True)
            assert {name: file for name, file in contents(project).items() if ".ebpf-new-" not in name} == before[0]
            untouched += 1
            continue
        found = fate(project)
        assert found in (before, after)
        untouched += found == before
    assert untouched, "no process was ended in time: choose other moments"
    git(project, "reset", "--quiet", "--hard")
    assert start(project, trees).wait() == 0
    assert fate(project) == after  # what was left behind is cleared up


def test_when_git_cannot_write_the_index(tmp_path: Path) -> None:
    project = edited(tmp_path / "hello")
    before = fate(project)
    (project / ".git/index.lock").touch()
    with pytest.raises(GitError, match=r"git update-index failed: .*index\.lock"):
        updated(project, "2.0")
    (project / ".git/index.lock").unlink()
    assert fate(project) == before
    assert not list(project.glob(".ebpf-new-*"))
    assert updated(project, "2.0").exit_code == 1


def on_small_disk(directory: Path, project: Path, room: str, trees: tuple[Path, Path]) -> tuple[int, str, list[str]]:
    """Update a copy of `project` on a disk with `room` (in KiB, or ro); return exit code, words and files."""
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
    whole = [*shell, str(mount), str(project), room, str(Path(__file__).parents[2]), *update]
    done = subprocess.run(whole, text=True, capture_output=True, check=False)
    assert "Traceback" not in done.stderr and done.stdout.startswith("begins\n"), done.stderr
    return done.returncode, done.stderr, done.stdout.splitlines()[1:]


def test_a_disk_that_fills_up_at_any_moment(tmp_path: Path, trees: tuple[Path, Path]) -> None:
    project = edited(tmp_path / "hello")
    code, _, whole = on_small_disk(tmp_path, project, "9999", trees)
    assert code == 0
    code, said, untouched = on_small_disk(tmp_path, project, "ro", trees)
    assert code == 1 and "cannot write " in said and untouched != whole
    # Where 0 KiB are too few and 256 enough, the most that are too few let all be written but the index, at the end.
    enough, last = 256, ""
    for step in (256, 128, 64, 32, 16, 8, 4):
        code, said, found = on_small_disk(tmp_path, project, str(enough - step), trees)
        assert code in (0, 1)
        assert found == (whole if code == 0 else untouched)
        assert code == 0 or "No space left" in said or "failed: " in said, said
        enough, last = (enough - step, last) if code == 0 else (enough, said)
    assert "git update-index failed" in last
