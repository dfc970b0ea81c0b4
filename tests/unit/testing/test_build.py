# SPDX-License-Identifier: BSD-2-Clause
"""A build runs within limits, and nothing of it is left."""

import os
import time
from pathlib import Path

import pytest

from scaffold.testing.build import KEPT_BYTES, BuildResult, run_limited

FOREVER = 600  # seconds


def shell(script: str, directory: Path, seconds: float = 60) -> BuildResult:
    return run_limited(["sh", "-c", script], directory, seconds)


def test_status_and_both_outputs(tmp_path: Path) -> None:
    assert shell("pwd; echo wrong >&2; exit 3", tmp_path) == BuildResult(3, f"{tmp_path}\nwrong\n".encode())


def test_of_endless_output_the_end_is_kept(tmp_path: Path) -> None:
    built = shell("yes build | head -c 50000000; echo last", tmp_path)
    assert (built.status, len(built.output)) == (0, KEPT_BYTES)
    assert built.output.endswith(b"last\n")


def test_what_prints_without_end_is_ended(tmp_path: Path) -> None:
    built = run_limited(["yes"], tmp_path, FOREVER, most_mebibytes=2)
    assert (built.status, built.limit) == (None, "it printed more than 2 MiB")


def test_what_takes_too_long_is_ended_with_all_that_it_started(tmp_path: Path) -> None:
    script = f"echo begun; sleep {FOREVER} & echo $! >child; wait"
    assert shell(script, tmp_path, seconds=1) == BuildResult(None, b"begun\n")
    assert_ended(int((tmp_path / "child").read_text()))


def test_what_stays_behind_holds_nothing_up(tmp_path: Path) -> None:
    assert shell(f"sleep {FOREVER} & echo $! >child; echo done", tmp_path) == BuildResult(0, b"done\n")
    assert_ended(int((tmp_path / "child").read_text()))


def test_one_that_closes_its_output_is_waited_for(tmp_path: Path) -> None:
    assert shell("exec >&- 2>&-; sleep 0.3; exit 4", tmp_path) == BuildResult(4, b"")


def test_no_such_command(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        run_limited(["no-such-command"], tmp_path, 60)


def assert_ended(pid: int) -> None:
    """Wait until the process is gone, or only its status is left."""
    deadline = time.monotonic() + 10
    while Path(f"/proc/{pid}").exists():
        if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
            return
        assert time.monotonic() < deadline, os.popen("ps f").read()
        time.sleep(0.02)
