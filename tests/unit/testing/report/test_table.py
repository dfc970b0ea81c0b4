# SPDX-License-Identifier: BSD-2-Clause
"""What stands on a terminal of any size, and in a log, however many runs there are."""

import io
import threading
import time
from dataclasses import replace

import pytest
from rich.console import Console, Group

from scaffold.testing.report.counts import headline
from scaffold.testing.report.table import REDRAWN_SECONDS, LiveTable, fitting_table
from scaffold.vmtest.verdict import Outcome, Verdict

KERNELS = [f"6.{number}" for number in range(20)]
MANY = [
    Verdict(f"project-{number}", "libbpf", kernel, "amd64", f"{kernel}.0", "tcg", True, Outcome.PASS, total_s=12.3)
    for number in range(200)
    for kernel in KERNELS
]


class Terminal(io.StringIO):
    """A stream that says that it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    for name, value in (("TERM", "xterm"), ("COLUMNS", "100"), ("LINES", "40")):
        monkeypatch.setenv(name, value)
    return Terminal()


def drawn(console: Console, verdicts: list[Verdict]) -> list[str]:
    with console.capture() as captured:
        console.print(fitting_table(verdicts, console))
    return captured.get().splitlines()


def test_two_hundred_projects_on_twenty_kernels_fit_and_are_not_drawn_for_each(terminal: Terminal) -> None:
    began = time.monotonic()
    with LiveTable(len(MANY), terminal) as live:
        for verdict in MANY:
            live.started(verdict.project, verdict.kernel)
            live.finished(verdict.project, verdict.kernel)
            live.verdict(verdict)
        drawings = terminal.getvalue().count(f" of {len(MANY)}: ")
        assert 0 < drawings <= (time.monotonic() - began) / REDRAWN_SECONDS + 2
        assert len(live.console.render_lines(Group(*live.picture()))) <= 40
    left_standing = terminal.getvalue().splitlines()
    assert max(map(len, left_standing[-10:])) <= 100
    assert [line for line in left_standing if KERNELS[-1] in line and "200" in line]


def test_troubles_are_told_once_the_table_stays_and_no_thread_runs(terminal: Terminal) -> None:
    with LiveTable(20, terminal) as live:
        live.started("hello", "6.1")
        assert threading.active_count() == 1
        live.verdict(replace(MANY[0], verdict=Outcome.ERROR, reason="no QEMU"))
        shown = terminal.getvalue()
        assert "hello on 6.1" in shown
    assert "error" in terminal.getvalue()[len(shown) :] and "19 not run" in terminal.getvalue()
    assert terminal.getvalue().count("no QEMU") == 1


def test_what_is_wider_than_the_terminal_is_counted_by_kernel() -> None:
    narrow, wide = (
        drawn(Console(file=Terminal(), force_terminal=True, color_system=None, width=width), MANY[:40])
        for width in (80, 300)
    )
    assert sum("project-" in line for line in narrow) == 0
    assert [line.split() for line in narrow if KERNELS[0] in line.split()] == [[KERNELS[0], "2"]]
    assert sum(line.count("✓ 12.3 s") for line in wide) == 40


def test_a_log_has_every_row_in_a_line_however_wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    rows = [line for line in drawn(Console(file=io.StringIO()), MANY[:60]) if "project-" in line]
    assert [line.split()[0] for line in rows] == ["project-0", "project-1", "project-2"]
    assert [line.count("✓ 12.3 s") for line in rows] == [len(KERNELS)] * 3


def test_the_headline_counts_what_is_missing() -> None:
    assert headline(MANY[:2], 3) == "2 passed, 3 not run"
    assert headline([], 3) == "3 not run"
    assert headline(MANY[:2], -1) == "2 passed"
