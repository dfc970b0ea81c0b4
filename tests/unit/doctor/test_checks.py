# SPDX-License-Identifier: BSD-2-Clause
"""A check that crashes or hangs does not prevent the report."""

import sys
import threading
from pathlib import Path

import pytest

from scaffold.doctor.checks import Check, run_checks
from scaffold.doctor.finding import Finding, Purpose, Status
from scaffold.doctor.host import first_line
from scaffold.doctor.subprocesses import CommandRunner

OK_FINDING = Finding(Purpose.TEST, "fine", Status.OK, "it works")


def test_crash_and_hang_are_findings() -> None:
    def crash() -> Finding:
        raise ZeroDivisionError("by zero")

    released = threading.Event()

    def hang() -> Finding:
        released.wait()
        return OK_FINDING

    checks = [
        Check(Purpose.BUILD, "crash", crash),
        Check(Purpose.RUN, "hang", hang),
        Check(Purpose.TEST, "fine", lambda: [OK_FINDING, OK_FINDING]),
    ]
    crashed, hung, *fine = run_checks(checks, 0.3, CommandRunner())
    released.set()
    assert (crashed.purpose, crashed.check, crashed.status) == (Purpose.BUILD, "crash", Status.MISSING)
    assert "ZeroDivisionError: by zero" in crashed.found and crashed.fix
    assert (hung.purpose, hung.check, hung.status) == (Purpose.RUN, "hang", Status.MISSING)
    assert "no answer within 0 seconds" in hung.found and hung.fix
    assert fine == [OK_FINDING, OK_FINDING]


def test_first_line_is_safe_for_a_terminal() -> None:
    assert first_line("\n  \n\x1b[31mred\x07\n more") == "[31mred"
    assert first_line("x" * 200) == "x" * 100 + "..."
    assert first_line("") == "nothing"


def test_older_python_is_rejected_before_any_other_import(monkeypatch: pytest.MonkeyPatch) -> None:
    source = Path(sys.modules["scaffold.doctor"].__file__ or "").with_name("__main__.py").read_text()
    before_the_check = source.partition("if sys.version_info")[0]
    assert not [line for line in before_the_check.splitlines() if line.startswith("from")]
    monkeypatch.setattr(sys, "version_info", (3, 10, 12))
    with pytest.raises(SystemExit) as exit_info:
        exec(source, {"__name__": "__main__"})
    message = exit_info.value.code  # Python prints a text and exits with status 1
    assert isinstance(message, str) and message.startswith("doctor: ") and "\n" not in message
    assert "3.11 or newer" in message and "3.10" in message and "make doctor PYTHON=" in message
