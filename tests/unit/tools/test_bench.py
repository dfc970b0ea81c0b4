# SPDX-License-Identifier: BSD-2-Clause
"""How `make bench` computes figures and compares them with their limits."""

import pytest

from tools.bench.measure import Row, in_turns, ratio


def test_rounds_alternate_their_order_and_the_first_does_not_count() -> None:
    calls: list[str] = []
    values = {"a": iter([100.0, 1.0, 9.0, 2.0]), "b": iter([100.0, 5.0, 6.0, 4.0])}

    def take(name: str) -> float:
        calls.append(name)
        return next(values[name])

    medians = in_turns({"a": lambda: take("a"), "b": lambda: take("b")}, 3)
    assert "".join(calls) == "ab" + "ab" + "ba" + "ab"
    assert medians == {"a": 2.0, "b": 5.0}


@pytest.mark.parametrize(("figure", "is_within_limit", "verdict"), [(1.1, True, "ok"), (1.11, False, "MISSED")])
def test_figure_may_reach_its_limit(figure: float, is_within_limit: bool, verdict: str) -> None:
    row = ratio("label", figure, 1.0, 1.1)
    assert row.is_within_limit is is_within_limit
    assert str(row).split() == ["label", f"{figure:.2f}", "1.1", verdict, f"{figure:.2f}", "s", "/", "1.00", "s"]


def test_figure_and_limit_have_the_unit() -> None:
    assert "12.50 MB    150 MB" in str(Row("memory", 12.5, 150, "", " MB"))
