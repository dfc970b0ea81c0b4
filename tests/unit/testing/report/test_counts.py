# SPDX-License-Identifier: BSD-2-Clause
"""Counts, rows and columns that all reports have in common."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaffold.testing.report.counts import grid, headline, kernel_labels, single_line
from scaffold.vmtest.architecture import ARCHITECTURES
from tests.unit.testing.report.verdicts import FAIL, PASS


def test_kernels_are_sorted_by_version() -> None:
    kernels = ["distro", "6.12", "6.1", "10.0", "5.10", "/boot/x", "newest"]
    verdicts = [replace(PASS, kernel=kernel) for kernel in kernels]
    assert kernel_labels(verdicts)[:4] == ["5.10", "6.1", "6.12", "10.0"]


def test_headline_counts_verdicts_of_each_kind() -> None:
    assert headline([]) == "no test was run"
    assert headline([PASS, PASS, FAIL]) == "2 passed, 1 failed"


def test_headline_counts_missing_verdicts() -> None:
    assert headline([PASS, PASS], 3) == "2 passed, 3 not run"
    assert headline([], 3) == "3 not run"
    assert headline([PASS, PASS], -1) == "2 passed"


@pytest.mark.parametrize("arch", [*ARCHITECTURES, "riscv64"])
def test_verdicts_of_each_architecture_have_their_own_cell(arch: str) -> None:
    (row,) = grid([replace(PASS, arch=name) for name in dict.fromkeys((*ARCHITECTURES, arch))]).values()
    assert {verdict.arch for verdict in row.values()} == {*ARCHITECTURES, arch}


def test_single_line_replaces_characters_that_act_on_a_terminal() -> None:
    assert single_line("\ta\x1b[31m\u202eb\r\n") == "        a [31m b"


@given(st.text())
def test_single_line_is_printable(text: str) -> None:
    assert single_line(text).isprintable()
