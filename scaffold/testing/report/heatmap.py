# SPDX-License-Identifier: BSD-2-Clause
"""Draw verdicts as a heat map of projects and kernels, in SVG."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from xml.etree.ElementTree import Element, ElementTree, SubElement, indent

from scaffold.testing.report.counts import SIGNS, grid, headline, kernel_label, kernel_labels, single_line
from scaffold.vmtest.verdict import Outcome, Verdict

# Lengths are in pixels.
MIN_CELL_WIDTH = 92
CELL_HEIGHT = 38
GAP = 4
LETTER_WIDTH = 8  # of a heading
LINE_SPACING = 14  # between the two lines in a cell
# White text on these colours has a contrast of at least 4.5 (WCAG 2.2), on a light and on a dark page and at any
# opacity. A sign and a word in each cell say the same as its colour.
COLOURS = {
    Outcome.PASS: "#116329",
    Outcome.FAIL: "#cf222e",
    Outcome.PANIC: "#8250df",
    Outcome.TIMEOUT: "#8a5a00",
    Outcome.ERROR: "#57606a",
}
MIN_OPACITY = 0.8  # of a pass that took no time; the slowest run has 1
STYLE = """
text { font: 13px system-ui, sans-serif; fill: #1f2328 }
.cell { fill: #fff; text-anchor: middle }
.time { fill: #fff; text-anchor: middle; font-size: 11px }
.head { text-anchor: middle; font-weight: 600 }
@media (prefers-color-scheme: dark) { text { fill: #e6edf3 } }
"""


def write_heatmap(verdicts: Sequence[Verdict], path: Path, missing: int = 0) -> None:
    """Write the heat map of `verdicts` to `path`, with the number of missing ones. Longer runs are darker.

    The title of a row is the framework if no two projects have the same one, otherwise the project.

    Raises:
        OSError: the file cannot be written.
    """
    picture = heatmap(verdicts, missing)
    indent(picture)
    ElementTree(picture).write(path, encoding="utf-8", xml_declaration=True)


def heatmap(verdicts: Sequence[Verdict], missing: int = 0) -> Element:
    """Return the heat map as an SVG element. It does not depend on the order of `verdicts`."""
    kernels = kernel_labels(verdicts)
    rows = {
        project: {kernel: row[kernel] for kernel in kernels if kernel in row} for project, row in grid(verdicts).items()
    }
    titles, footer = _row_titles(verdicts), headline(verdicts, missing)
    margin = max(map(len, titles.values()), default=0) * LETTER_WIDTH + 2 * GAP
    cell_width = max([MIN_CELL_WIDTH, *(len(kernel) * LETTER_WIDTH + GAP for kernel in kernels)])
    width = max(margin + len(kernels) * (cell_width + GAP), len(footer) * LETTER_WIDTH) + 2 * GAP
    picture = _picture(width, (len(rows) + 2) * (CELL_HEIGHT + GAP))
    SubElement(picture, "title", id="about").text = f"Projects on kernels: {footer}"
    descriptions = (_row_description(titles[project], row) for project, row in rows.items())
    SubElement(picture, "desc", id="all").text = " ".join(descriptions)
    SubElement(picture, "style").text = STYLE
    lefts = {kernel: margin + position * (cell_width + GAP) for position, kernel in enumerate(kernels)}
    for kernel, left in lefts.items():
        _add_text(picture, left + cell_width // 2, CELL_HEIGHT // 2, kernel, "head")
    slowest = max((verdict.total_s for verdict in verdicts), default=0.0)
    for line, (project, row) in enumerate(rows.items(), start=1):
        top = line * (CELL_HEIGHT + GAP)
        _add_text(picture, GAP, top + CELL_HEIGHT // 2, titles[project], "row")
        for kernel, verdict in row.items():
            _add_cell(picture, (lefts[kernel], top, cell_width), verdict, slowest)
    _add_text(picture, GAP, (len(rows) + 1) * (CELL_HEIGHT + GAP) + CELL_HEIGHT // 2, footer, "row")
    return picture


def _picture(width: int, height: int) -> Element:
    # With a viewBox the picture shrinks with its page.
    size = {"width": str(width), "height": str(height), "viewBox": f"0 0 {width} {height}"}
    return Element(
        "svg", {"xmlns": "http://www.w3.org/2000/svg", "role": "img", "aria-labelledby": "about all", **size}
    )


def _row_description(title: str, row: Mapping[str, Verdict]) -> str:
    cells = (f"{kernel} {verdict.verdict}, {verdict.total_s:.1f} s" for kernel, verdict in row.items())
    return single_line(f"{title}: {'; '.join(cells)}.")


def _row_titles(verdicts: Sequence[Verdict]) -> dict[str, str]:
    frameworks = {verdict.project: verdict.framework for verdict in verdicts}
    are_unique = len(set(frameworks.values())) == len(frameworks) and all(frameworks.values())
    return {project: single_line(framework if are_unique else project) for project, framework in frameworks.items()}


def _add_cell(picture: Element, position: tuple[int, int, int], verdict: Verdict, slowest: float) -> None:
    """Add a cell at `position`: its left and top edge, and its width."""
    left, top, width = position
    group = SubElement(picture, "g")
    tooltip = f"{verdict.project} on {verdict.release or kernel_label(verdict)}: {verdict.verdict} {verdict.reason}"
    SubElement(group, "title").text = single_line(tooltip)
    passed, seconds = verdict.verdict is Outcome.PASS, f"{verdict.total_s:.1f} s"
    share = verdict.total_s / slowest if passed and slowest else 1.0
    box = {"x": left, "y": top, "width": width, "height": CELL_HEIGHT, "rx": 5}
    fill = {"fill": COLOURS[verdict.verdict], "fill-opacity": f"{MIN_OPACITY + (1 - MIN_OPACITY) * share:.2f}"}
    SubElement(group, "rect", {key: str(value) for key, value in box.items()} | fill)
    x, y = left + width // 2, top + CELL_HEIGHT // 2
    if passed:
        _add_text(group, x, y, f"{SIGNS[Outcome.PASS]} {seconds}", "cell")
    else:
        _add_text(group, x, y - LINE_SPACING // 2, f"{SIGNS[verdict.verdict]} {verdict.verdict}", "cell")
        _add_text(group, x, y + LINE_SPACING // 2, seconds, "time")


def _add_text(parent: Element, x: int, y: int, text: str, css_class: str) -> None:
    attributes = {"x": str(x), "y": str(y), "class": css_class, "dominant-baseline": "central"}
    SubElement(parent, "text", attributes).text = single_line(text)
