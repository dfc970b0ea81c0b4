# SPDX-License-Identifier: BSD-2-Clause
"""The heat map in a README: readable in both themes, by a screen reader, and at any width."""

import re
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from xml.etree.ElementTree import Element, parse, tostring

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaffold.testing.report.counts import LABELS
from scaffold.testing.report.heatmap import LETTER_WIDTH, heatmap, write_heatmap
from scaffold.vmtest.verdict import Outcome, Verdict
from tests.unit.testing.report.verdicts import ERROR, FAIL, PASS, VERDICTS, one_directory

SVG = "{http://www.w3.org/2000/svg}"
EVERY_OUTCOME = [
    replace(PASS, project=f"p{row}", framework=f"f{row}", kernel=f"6.{column}", verdict=outcome, total_s=row + column)
    for row in range(3)
    for column, outcome in enumerate(LABELS)
]
PAGES = ("#ffffff", "#0d1117")  # GitHub's background colours, light and dark


def channels(colour: str) -> list[float]:
    return [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]


def luminance(colour: list[float]) -> float:
    """Relative luminance, as WCAG 2.2 defines it."""
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in colour]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def texts(picture: Element) -> list[str]:
    return [element.text or "" for element in picture.iter("text")]


@pytest.mark.parametrize("page", PAGES)
def test_the_text_in_every_cell_has_contrast(page: str) -> None:
    cells = list(heatmap([*EVERY_OUTCOME, replace(PASS, total_s=0.0)]).iter("rect"))
    assert len(cells) == len(EVERY_OUTCOME) + 1
    for cell in cells:
        opacity = float(cell.get("fill-opacity", "1"))
        layers = zip(channels(cell.get("fill", "")), channels(page), strict=True)
        shown = [opacity * cell_part + (1 - opacity) * page_part for cell_part, page_part in layers]
        assert 1.05 / (luminance(shown) + 0.05) >= 4.5, tostring(cell)


def test_a_screen_reader_reads_every_verdict() -> None:
    picture = heatmap(EVERY_OUTCOME)
    described = {element.get("id"): element.text or "" for name in ("title", "desc") for element in picture.iter(name)}
    assert picture.get("role") == "img" and set((picture.get("aria-labelledby") or "").split()) <= set(described)
    for verdict in EVERY_OUTCOME:
        assert f"{verdict.kernel} {verdict.verdict}, {verdict.total_s:.1f} s" in described["all"]
    assert described["about"].startswith("Projects on kernels: 3 passed, 3 failed")


def test_every_cell_has_a_sign_and_a_word() -> None:
    shown = {outcome: texts(heatmap([replace(PASS, verdict=outcome)]))[2:-1] for outcome in LABELS}
    assert shown.pop(Outcome.PASS) == ["✓ 0.5 s"]
    for outcome, (sign_and_word, seconds) in shown.items():
        assert (sign_and_word.split()[1], seconds) == (outcome, "0.5 s")
    assert len({sign_and_word.split()[0] for sign_and_word, _ in shown.values()}) == len(LABELS) - 1


def test_a_longer_run_is_darker() -> None:
    cells = heatmap([replace(PASS, kernel=f"6.{number}", total_s=number) for number in range(5)]).iter("rect")
    shades = [float(cell.get("fill-opacity", "")) for cell in cells]
    assert all(lighter < darker for lighter, darker in pairwise(shades))


@given(st.permutations(EVERY_OUTCOME))
def test_the_order_of_verdicts_does_not_matter(verdicts: list[Verdict]) -> None:
    assert tostring(heatmap(verdicts)) == tostring(heatmap(EVERY_OUTCOME))


def test_nothing_overlaps_and_everything_is_inside() -> None:
    paths = ["/boot/vmlinuz-6.1.0-56-cloud-amd64", "/boot/vmlinuz-6.12.0-1-cloud-amd64", "6.1"]
    picture = heatmap([replace(PASS, kernel=kernel, project="x" * 60, framework="") for kernel in paths])
    heads = sorted(
        (int(head.get("x", "")), len(head.text or "")) for head in picture.iter("text") if head.get("class") == "head"
    )
    assert all(right - left >= (one + other) * LETTER_WIDTH / 2 for (left, one), (right, other) in pairwise(heads))
    width, height = map(int, re.findall(r"\d+", picture.get("viewBox", ""))[2:])
    assert (picture.get("width"), picture.get("height")) == (str(width), str(height))
    for cell in picture.iter("rect"):
        x, y, wide, high = (int(cell.get(name, "")) for name in ("x", "y", "width", "height"))
        assert 60 * LETTER_WIDTH < x < x + wide <= width and y + high < height


def test_missing_verdicts_are_counted() -> None:
    assert texts(heatmap([PASS], 3))[-1] == "1 passed, 3 not run"


def test_rows_are_titled_by_framework_if_that_is_unique(tmp_path: Path) -> None:
    verdicts = [PASS, FAIL, ERROR]
    write_heatmap(verdicts, tmp_path / "map.svg")
    first = (tmp_path / "map.svg").read_text()
    rows = ["libbpf", "✗ fail", "0.5 s", "✓ 0.5 s", "cilium", "? error", "0.5 s"]
    shown = [element.text for element in parse(tmp_path / "map.svg").iter(f"{SVG}text")]
    assert shown == ["5.10", "6.1", *rows, "1 passed, 1 failed, 1 could not be run"]
    write_heatmap(verdicts, tmp_path / "map.svg")
    assert (tmp_path / "map.svg").read_text() == first
    write_heatmap([*verdicts, replace(PASS, project="second")], tmp_path / "map.svg")
    assert ">second<" in (tmp_path / "map.svg").read_text()


@given(VERDICTS)
@one_directory
def test_the_heat_map_is_valid_xml_with_any_text(tmp_path: Path, verdicts: list[Verdict]) -> None:
    write_heatmap(verdicts, tmp_path / "map.svg")
    parse(tmp_path / "map.svg")
    assert "<script" not in (tmp_path / "map.svg").read_text()
