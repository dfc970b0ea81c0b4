# SPDX-License-Identifier: BSD-2-Clause
"""The doctor's CommandRunner with real processes."""

import os
import time
from pathlib import Path

from scaffold.doctor.subprocesses import CommandRunner
from tests.integration.processes import processes_of


def test_timeout_ends_a_command_and_all_processes_that_it_started(tmp_path: Path) -> None:
    marker = f"DOCTOR_TEST={tmp_path}"
    environment = dict([marker.split("=")]) | os.environ
    result = CommandRunner().run(["sh", "-c", "sleep 60 & sleep 60"], environment, seconds=0.3)
    assert result.status is None and "no answer" in result.stderr
    deadline = time.monotonic() + 5
    while processes_of(marker) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert processes_of(marker) == []


def test_runner_starts_nothing_after_end_all(tmp_path: Path) -> None:
    commands = CommandRunner()
    commands.end_all()
    assert commands.run(["touch", str(tmp_path / "file")], os.environ).status is None
    assert not (tmp_path / "file").exists()


def test_result_of_a_command_that_cannot_start_has_the_reason(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("not a program")
    (tmp_path / "text").chmod(0o755)
    results = [CommandRunner().run([str(tmp_path / name)], os.environ) for name in ("none", "text", ".")]
    assert [result.status for result in results] == [None] * 3
    assert [result.stderr for result in results] == [
        "No such file or directory", "Exec format error", "Permission denied",
    ]  # fmt: skip


def test_command_reads_only_the_given_input() -> None:
    assert CommandRunner().run(["cat"], os.environ, "abc").stdout == b"abc"
    assert CommandRunner().run(["cat"], os.environ).stdout == b""
