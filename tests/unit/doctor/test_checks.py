# SPDX-License-Identifier: BSD-2-Clause
"""No check keeps the doctor from its report: not one that crashes, nor one that hangs."""

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

from scaffold.doctor.checks import Check, run_checks
from scaffold.doctor.finding import BUILD, MISSING, OK, RUN, TEST, Finding
from scaffold.doctor.host import line
from scaffold.doctor.subprocesses import CommandRunner
from tests.integration.processes import processes_of

FINE = Finding(TEST, "fine", OK, "all is well")


def test_a_crash_and_a_hang_are_findings() -> None:
    def crash() -> Finding:
        raise ZeroDivisionError("by zero")

    released = threading.Event()

    def hang() -> Finding:
        released.wait()
        return FINE

    checks = [Check(BUILD, "crash", crash), Check(RUN, "hang", hang), Check(TEST, "fine", lambda: [FINE, FINE])]
    crashed, hung, *fine = run_checks(checks, 0.3, CommandRunner())
    released.set()
    assert (crashed.check, crashed.status) == ("crash", MISSING) and "ZeroDivisionError: by zero" in crashed.found
    assert (hung.check, hung.status) == ("hang", MISSING) and "no answer" in hung.found
    assert fine == [FINE, FINE]


def test_a_command_that_hangs_ends_with_what_it_has_started(tmp_path: Path) -> None:
    marker = f"DOCTOR_TEST={tmp_path}"
    environment = dict([marker.split("=")]) | os.environ
    answer = CommandRunner().run(["sh", "-c", "sleep 60 & sleep 60"], environment, seconds=0.3)
    assert answer.status is None and "no answer" in answer.complained
    deadline = time.monotonic() + 5
    while processes_of(marker) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert processes_of(marker) == []


def test_after_the_end_no_command_is_run(tmp_path: Path) -> None:
    commands = CommandRunner()
    commands.end_all()
    assert commands.run(["touch", str(tmp_path / "made")], os.environ).status is None
    assert not (tmp_path / "made").exists()


def test_a_command_that_cannot_be_started_says_why(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("no program")
    (tmp_path / "text").chmod(0o755)
    answers = [CommandRunner().run([str(tmp_path / name)], os.environ) for name in ("none", "text", ".")]
    assert [answer.status for answer in answers] == [None] * 3
    assert [answer.complained for answer in answers] == [
        "No such file or directory", "Exec format error", "Permission denied",
    ]  # fmt: skip


def test_a_command_reads_what_it_is_given_and_nothing_else() -> None:
    assert CommandRunner().run(["cat"], os.environ, "abc").printed == b"abc"
    assert CommandRunner().run(["cat"], os.environ).printed == b""


def test_what_a_command_says_does_nothing_to_a_terminal() -> None:
    assert line("\n  \n\x1b[31mred\x07\n more") == "[31mred"
    assert line("x" * 200) == "x" * 100 + "..."
    assert line("") == "nothing"


def test_python_that_is_too_old_is_told_so_before_anything_is_read() -> None:
    """An older Python reads the file as far as it must: it is cut off at the gate."""
    gate = Path(sys.modules["scaffold.doctor"].__file__ or "").with_name("__main__.py").read_text()
    assert not [each for each in gate.partition("if sys.version_info")[0].splitlines() if each.startswith("from")]
    older = f"import sys; sys.version_info = (3, 10, 12); exec({gate!r}, {{'__name__': '__main__'}})"
    done = subprocess.run([sys.executable, "-c", older], text=True, capture_output=True, check=False)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1 and "3.11 or newer" in done.stderr and "3.10" in done.stderr
