# SPDX-License-Identifier: BSD-2-Clause
"""The figures of `make bench` are made and judged as they say."""

import sys

import pytest

from tools.bench.measure import Row, in_turns, ratio, seconds_of


def test_turns_go_back_and_forth_and_the_first_round_does_not_count() -> None:
    calls: list[str] = []
    values = {"a": iter([100.0, 1.0, 9.0, 2.0]), "b": iter([100.0, 5.0, 6.0, 4.0])}

    def take(name: str) -> float:
        calls.append(name)
        return next(values[name])

    medians = in_turns({"a": lambda: take("a"), "b": lambda: take("b")}, 3)
    assert "".join(calls) == "ab" + "ab" + "ba" + "ab"
    assert medians == {"a": 2.0, "b": 5.0}


@pytest.mark.parametrize(("figure", "holds", "word"), [(1.1, True, "holds"), (1.11, False, "MISSED")])
def test_a_figure_holds_up_to_its_bar(figure: float, holds: bool, word: str) -> None:
    row = ratio("what", figure, 1.0, 1.1)
    assert row.holds is holds
    assert str(row).split() == ["what", f"{figure:.2f}", "1.1", word, f"{figure:.2f}", "s", "/", "1.00", "s"]


def test_a_unit_stands_with_figure_and_bar() -> None:
    assert "12.50 MB    150 MB" in str(Row("memory", 12.5, 150, "", " MB"))


def test_a_process_that_fails_is_no_measurement() -> None:
    with pytest.raises(RuntimeError, match="ended with 3: oh no"):
        seconds_of([sys.executable, "-c", "print('oh no'); raise SystemExit(3)"])
