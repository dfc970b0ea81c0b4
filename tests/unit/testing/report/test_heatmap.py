# SPDX-License-Identifier: BSD-2-Clause
"""The picture in a README: it is read in both themes, by a screen reader, and at any width."""

import re
from dataclasses import replace
from itertools import pairwise
from xml.etree.ElementTree import Element, tostring

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaffold.testing.report.counts import WORDS
from scaffold.testing.report.heatmap import LETTER, heatmap
from scaffold.vmtest.verdict import Outcome, Verdict

PASS = Verdict("hello", "libbpf", "6.1", "amd64", "6.1.0-56-cloud-amd64", "tcg", True, Outcome.PASS, 0.2, 0.1, 0.5)
EVERY = [
    replace(PASS, project=f"p{row}", framework=f"f{row}", kernel=f"6.{position}", verdict=kind, total_s=row + position)
    for row in range(3)
    for position, kind in enumerate(WORDS)
]
# Of GitHub's pages: light and dark.
PAGES = ("#ffffff", "#0d1117")


def channels(colour: str) -> list[float]:
    return [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]


def luminance(colour: list[float]) -> float:
    """Relative luminance, as WCAG 2.2 defines it."""
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in colour]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def words(picture: Element) -> list[str]:
    return [element.text or "" for element in picture.iter("text")]


@pytest.mark.parametrize("page", PAGES)
def test_the_words_in_every_cell_have_contrast(page: str) -> None:
    cells = list(heatmap([*EVERY, replace(PASS, total_s=0.0)]).iter("rect"))
    assert len(cells) == len(EVERY) + 1
    for cell in cells:
        opacity = float(cell.get("fill-opacity", "1"))
        pairs = zip(channels(cell.get("fill", "")), channels(page), strict=True)
        shown = [opacity * part + (1 - opacity) * below for part, below in pairs]
        assert 1.05 / (luminance(shown) + 0.05) >= 4.5, tostring(cell)


def test_a_screen_reader_tells_every_verdict() -> None:
    picture = heatmap(EVERY)
    told = {element.get("id"): element.text or "" for name in ("title", "desc") for element in picture.iter(name)}
    assert picture.get("role") == "img" and set((picture.get("aria-labelledby") or "").split()) <= set(told)
    for verdict in EVERY:
        assert f"{verdict.kernel} {verdict.verdict}, {verdict.total_s:.1f} s" in told["all"]
    assert told["about"].startswith("Projects on kernels: 3 passed, 3 failed")


def test_every_cell_says_its_verdict_without_the_colour() -> None:
    shown = {kind: words(heatmap([replace(PASS, verdict=kind)]))[2:-1] for kind in WORDS}
    assert shown.pop(Outcome.PASS) == ["✓ 0.5 s"]
    assert all(sign_and_word.split()[1] == kind and took == "0.5 s" for kind, (sign_and_word, took) in shown.items())
    assert len({sign_and_word.split()[0] for sign_and_word, _ in shown.values()}) == len(WORDS) - 1


def test_a_longer_run_is_darker() -> None:
    cells = heatmap([replace(PASS, kernel=f"6.{number}", total_s=number) for number in range(5)]).iter("rect")
    shades = [float(cell.get("fill-opacity", "")) for cell in cells]
    assert all(lighter < darker for lighter, darker in pairwise(shades))


@given(st.permutations(EVERY))
def test_the_order_in_which_verdicts_came_changes_nothing(verdicts: list[Verdict]) -> None:
    assert tostring(heatmap(verdicts)) == tostring(heatmap(EVERY))


def test_nothing_stands_on_its_neighbour_and_all_is_within() -> None:
    paths = ["/boot/vmlinuz-6.1.0-56-cloud-amd64", "/boot/vmlinuz-6.12.0-1-cloud-amd64", "6.1"]
    picture = heatmap([replace(PASS, kernel=kernel, project="x" * 60, framework="") for kernel in paths])
    heads = sorted(
        (int(head.get("x", "")), len(head.text or "")) for head in picture.iter("text") if head.get("class") == "head"
    )
    assert all(right - left >= (one + other) * LETTER / 2 for (left, one), (right, other) in pairwise(heads))
    width, height = map(int, re.findall(r"\d+", picture.get("viewBox", ""))[2:])
    assert (picture.get("width"), picture.get("height")) == (str(width), str(height))
    for cell in picture.iter("rect"):
        x, y, wide, high = (int(cell.get(name, "")) for name in ("x", "y", "width", "height"))
        assert 60 * LETTER < x < x + wide <= width and y + high < height


def test_what_is_missing_is_said() -> None:
    assert words(heatmap([PASS], 3))[-1] == "1 passed, 3 not run"
