# SPDX-License-Identifier: BSD-2-Clause
"""The table on a terminal of any size and in a log file, for any number of cases."""

import io
import threading
import time
from dataclasses import replace

import pytest
from rich.console import Console, Group

from scaffold.testing.report.table import REFRESH_SECONDS, LiveTable, fitting_table
from scaffold.vmtest.verdict import Outcome, Verdict
from tests.unit.testing.report.verdicts import FAIL, PASS

KERNELS = [f"6.{number}" for number in range(20)]
MANY = [
    Verdict(f"project-{number}", "libbpf", kernel, "amd64", f"{kernel}.0", "tcg", True, Outcome.PASS, total_s=12.3)
    for number in range(200)
    for kernel in KERNELS
]


class Terminal(io.StringIO):
    """A stream that claims to be a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    for name, value in (("TERM", "xterm"), ("COLUMNS", "100"), ("LINES", "40")):
        monkeypatch.setenv(name, value)
    return Terminal()


def draw(console: Console, verdicts: list[Verdict]) -> list[str]:
    with console.capture() as captured:
        console.print(fitting_table(verdicts, console))
    return captured.get().splitlines()


def test_a_large_table_fits_and_is_not_drawn_for_each_verdict(terminal: Terminal) -> None:
    began = time.monotonic()
    with LiveTable(len(MANY), terminal) as live:
        for verdict in MANY:
            live.started(verdict.project, verdict.kernel)
            live.finished(verdict.project, verdict.kernel)
            live.verdict(verdict)
        drawings = terminal.getvalue().count(f" of {len(MANY)}: ")
        assert 0 < drawings <= (time.monotonic() - began) / REFRESH_SECONDS + 2
        assert len(live.console.render_lines(Group(*live.picture()))) <= 40
    final = terminal.getvalue().splitlines()
    assert max(map(len, final[-10:])) <= 100
    assert [line for line in final if KERNELS[-1] in line and "200" in line]


def test_a_failure_is_printed_once_and_no_thread_runs(terminal: Terminal) -> None:
    with LiveTable(20, terminal) as live:
        live.started("hello", "6.1")
        assert threading.active_count() == 1
        live.verdict(replace(MANY[0], verdict=Outcome.ERROR, reason="no QEMU"))
        shown = terminal.getvalue()
        assert "hello on 6.1" in shown
    assert "error" in terminal.getvalue()[len(shown) :] and "19 not run" in terminal.getvalue()
    assert terminal.getvalue().count("no QEMU") == 1


def test_a_table_that_is_too_wide_becomes_counts_by_kernel() -> None:
    narrow, wide = (
        draw(Console(file=Terminal(), force_terminal=True, color_system=None, width=width), MANY[:40])
        for width in (80, 300)
    )
    assert sum("project-" in line for line in narrow) == 0
    assert [line.split() for line in narrow if KERNELS[0] in line.split()] == [[KERNELS[0], "2"]]
    assert sum(line.count("✓ 12.3 s") for line in wide) == 40


def test_a_row_in_a_log_is_one_line_of_any_width(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    rows = [line for line in draw(Console(file=io.StringIO()), MANY[:60]) if "project-" in line]
    assert [line.split()[0] for line in rows] == ["project-0", "project-1", "project-2"]
    assert [line.count("✓ 12.3 s") for line in rows] == [len(KERNELS)] * 3


def test_without_a_terminal_each_verdict_is_a_line() -> None:
    stream = io.StringIO()
    with LiveTable(3, stream) as live:
        live.started("hello", "")
        live.finished("hello", "")
        for verdict in (PASS, FAIL):
            live.verdict(verdict)
    lines = stream.getvalue().splitlines()
    assert lines[0].startswith("PASS    hello on 6.1.0")
    assert lines[-1].startswith("1 passed, 1 failed, 1 not run (")
    assert "\x1b" not in stream.getvalue()
