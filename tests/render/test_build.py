# SPDX-License-Identifier: BSD-2-Clause
"""Commands run within limits of time and output, and none of their processes remain."""

import os
import time
from dataclasses import replace
from pathlib import Path

import pytest

from scaffold.testing.build import KEPT_BYTES, CommandResult, build, run_limited
from scaffold.vmtest.verdict import Outcome
from tests.unit.testing.manifests import MANIFEST

LONG_SECONDS = 600  # longer than any test


def run_shell(script: str, directory: Path, seconds: float = 60) -> CommandResult:
    return run_limited(["sh", "-c", script], directory, seconds)


def test_status_and_both_outputs(tmp_path: Path) -> None:
    assert run_shell("pwd; echo wrong >&2; exit 3", tmp_path) == CommandResult(3, f"{tmp_path}\nwrong\n".encode())


def test_only_the_end_of_long_output_is_kept(tmp_path: Path) -> None:
    result = run_shell("yes build | head -c 50000000; echo last", tmp_path)
    assert (result.status, len(result.output)) == (0, KEPT_BYTES)
    assert result.output.endswith(b"last\n")


def test_a_command_that_prints_too_much_is_killed(tmp_path: Path) -> None:
    result = run_limited(["yes"], tmp_path, LONG_SECONDS, max_output_mib=2)
    assert result.status is None
    assert "2 MiB" in result.exceeded


def test_a_command_that_takes_too_long_is_killed_with_its_children(tmp_path: Path) -> None:
    script = f"echo begun; sleep {LONG_SECONDS} & echo $! >child; wait"
    assert run_shell(script, tmp_path, seconds=1) == CommandResult(None, b"begun\n")
    assert_ended(int((tmp_path / "child").read_text()))


def test_a_background_process_does_not_delay_the_result(tmp_path: Path) -> None:
    assert run_shell(f"sleep {LONG_SECONDS} & echo $! >child; echo done", tmp_path) == CommandResult(0, b"done\n")
    assert_ended(int((tmp_path / "child").read_text()))


def test_a_command_that_closes_its_output_is_waited_for(tmp_path: Path) -> None:
    assert run_shell("exec >&- 2>&-; sleep 0.3; exit 4", tmp_path) == CommandResult(4, b"")


def test_a_missing_command(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        run_limited(["no-such-command"], tmp_path, 60)


def test_a_build_command_that_is_missing_is_an_infrastructure_error(tmp_path: Path) -> None:
    verdict = build(replace(MANIFEST, root=tmp_path, build=("no-such-command",)), "amd64")
    assert verdict is not None
    assert verdict.verdict is Outcome.ERROR
    assert "no-such-command" in verdict.reason


def test_a_build_that_succeeds_has_no_verdict(tmp_path: Path) -> None:
    manifest = replace(MANIFEST, root=tmp_path, build=("sh", "-c", "echo {arch} >arch"))
    assert build(manifest, "arm64") is None
    assert (tmp_path / "arch").read_text() == "arm64\n"


def assert_ended(pid: int) -> None:
    """Wait until the process is gone or a zombie."""
    deadline = time.monotonic() + 10
    while Path(f"/proc/{pid}").exists():
        if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
            return
        assert time.monotonic() < deadline, os.popen("ps f").read()
        time.sleep(0.02)
