# SPDX-License-Identifier: BSD-2-Clause
"""Verdicts as a picture: a heat map of frameworks, or projects, and kernels, in SVG."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from xml.etree.ElementTree import Element, ElementTree, SubElement, indent

from scaffold.testing.report.counts import SIGNS, column, columns, grid, headline, plain
from scaffold.vmtest.verdict import Outcome, Verdict

CELL = (92, 38)  # width, at least, and height of a cell, in pixels
GAP = 4
LETTER = 8  # width of a letter in a heading
LEADING = 14  # from one line of a cell to the next
# White text has a contrast of 4.5 and more on these, as WCAG 2.2 asks, in both themes and as light as they get; a sign
# and a word say the same without the colour.
COLOURS = {
    Outcome.PASS: "#116329",
    Outcome.FAIL: "#cf222e",
    Outcome.PANIC: "#8250df",
    Outcome.TIMEOUT: "#8a5a00",
    Outcome.ERROR: "#57606a",
}
LIGHTEST = 0.8  # opacity of what passed in no time
STYLE = """
text { font: 13px system-ui, sans-serif; fill: #1f2328 }
.cell { fill: #fff; text-anchor: middle }
.time { fill: #fff; text-anchor: middle; font-size: 11px }
.head { text-anchor: middle; font-weight: 600 }
@media (prefers-color-scheme: dark) { text { fill: #e6edf3 } }
"""


def write_heatmap(verdicts: Sequence[Verdict], path: Path, missing: int = 0) -> None:
    """Write the heat map of `verdicts` to `path`, and how many are missing. What passed after a longer run is darker.

    Rows are called by their framework where no two projects share it, and by the project else.

    Raises:
        OSError: the file cannot be written.
    """
    picture = heatmap(verdicts, missing)
    indent(picture)
    ElementTree(picture).write(path, encoding="utf-8", xml_declaration=True)


def heatmap(verdicts: Sequence[Verdict], missing: int = 0) -> Element:
    """Return the picture as an SVG element."""
    kernels, found = columns(verdicts), grid(verdicts)
    # The same verdicts give the same picture, in whatever order they came.
    rows = {project: {kernel: row[kernel] for kernel in kernels if kernel in row} for project, row in found.items()}
    names, counted = _names(verdicts), headline(verdicts, missing)
    margin = max(map(len, names.values()), default=0) * LETTER + 2 * GAP
    wide = max([CELL[0], *(len(kernel) * LETTER + GAP for kernel in kernels)])
    width = max(margin + len(kernels) * (wide + GAP), len(counted) * LETTER) + 2 * GAP
    picture = _picture(width, (len(rows) + 2) * (CELL[1] + GAP))
    SubElement(picture, "title", id="about").text = f"Projects on kernels: {counted}"
    SubElement(picture, "desc", id="all").text = " ".join(
        _alt_text(names[project], row) for project, row in rows.items()
    )
    SubElement(picture, "style").text = STYLE
    lefts = {kernel: margin + position * (wide + GAP) for position, kernel in enumerate(kernels)}
    for kernel, left in lefts.items():
        _text(picture, left + wide // 2, CELL[1] // 2, kernel, "head")
    slowest = max((verdict.total_s for verdict in verdicts), default=0.0)
    for line, (project, row) in enumerate(rows.items(), start=1):
        top = line * (CELL[1] + GAP)
        _text(picture, GAP, top + CELL[1] // 2, names[project], "row")
        for kernel, verdict in row.items():
            _cell(picture, (lefts[kernel], top, wide), verdict, slowest)
    _text(picture, GAP, (len(rows) + 1) * (CELL[1] + GAP) + CELL[1] // 2, counted, "row")
    return picture


def _picture(width: int, height: int) -> Element:
    size = {"width": str(width), "height": str(height), "viewBox": f"0 0 {width} {height}"}  # it shrinks with its page
    return Element(
        "svg", {"xmlns": "http://www.w3.org/2000/svg", "role": "img", "aria-labelledby": "about all", **size}
    )


def _alt_text(name: str, row: Mapping[str, Verdict]) -> str:
    cells = (f"{kernel} {verdict.verdict}, {verdict.total_s:.1f} s" for kernel, verdict in row.items())
    return plain(f"{name}: {'; '.join(cells)}.")


def _names(verdicts: Sequence[Verdict]) -> dict[str, str]:
    frameworks = {verdict.project: verdict.framework for verdict in verdicts}
    alone = len(set(frameworks.values())) == len(frameworks) and all(frameworks.values())
    return {project: plain(framework if alone else project) for project, framework in frameworks.items()}


def _cell(picture: Element, place: tuple[int, int, int], verdict: Verdict, slowest: float) -> None:
    left, top, wide = place
    group = SubElement(picture, "g")
    about = f"{verdict.project} on {verdict.release or column(verdict)}: {verdict.verdict} {verdict.reason}"
    SubElement(group, "title").text = plain(about)
    passed, took = verdict.verdict == Outcome.PASS, f"{verdict.total_s:.1f} s"
    share = verdict.total_s / slowest if passed and slowest else 1.0
    box = {"x": left, "y": top, "width": wide, "height": CELL[1], "rx": 5}
    shade = {"fill": COLOURS[verdict.verdict], "fill-opacity": f"{LIGHTEST + (1 - LIGHTEST) * share:.2f}"}
    SubElement(group, "rect", {key: str(value) for key, value in box.items()} | shade)
    middle, centre = left + wide // 2, top + CELL[1] // 2
    if passed:
        _text(group, middle, centre, f"{SIGNS[Outcome.PASS]} {took}", "cell")
    else:
        _text(group, middle, centre - LEADING // 2, f"{SIGNS[verdict.verdict]} {verdict.verdict}", "cell")
        _text(group, middle, centre + LEADING // 2, took, "time")


def _text(parent: Element, x: int, y: int, words: str, kind: str) -> None:
    place = {"x": str(x), "y": str(y), "class": kind, "dominant-baseline": "central"}
    SubElement(parent, "text", place).text = plain(words)
