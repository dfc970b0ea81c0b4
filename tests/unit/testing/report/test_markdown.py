# SPDX-License-Identifier: BSD-2-Clause
"""The Markdown summary: no text escapes from its cell or code block, and the length is limited."""

from dataclasses import replace
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from scaffold.testing.report.markdown import MAX_BYTES, RESERVED_BYTES, summary, write_summary
from scaffold.vmtest.verdict import Outcome, Verdict
from tests.unit.testing.report.verdicts import FAIL, PANIC, PASS, VERDICTS


@given(VERDICTS)
def test_no_text_escapes_from_its_place(verdicts: list[Verdict]) -> None:
    text = summary(verdicts, MAX_BYTES)
    tokens = MarkdownIt("commonmark", {"html": True}).enable("table").parse(text)
    failures = [verdict for verdict in verdicts if verdict.verdict is not Outcome.PASS]
    assert [token.tag for token in tokens if token.type == "heading_open"] == ["h3"]
    assert sum(token.type == "fence" for token in tokens) == len(failures)
    html = "".join(token.content for token in tokens if token.type == "html_block")
    assert html.count("<details>") == html.count("</details>") == len(failures)
    assert "<script" not in html and "<b>" not in html
    inline = [child.type for token in tokens for child in token.children or ()]
    assert not {"link_open", "html_inline", "em_open", "code_inline"} & set(inline)
    rows = len({verdict.project for verdict in verdicts})
    assert sum(token.type == "tr_open" for token in tokens) == (1 + rows if verdicts else 0)


def test_a_long_summary_is_cut_and_counts_what_is_left_out() -> None:
    many = [replace(FAIL, project=f"p{number}", console=("x" * 500,) * 25) for number in range(200)]
    text = summary(many, MAX_BYTES)
    assert MAX_BYTES - 20_000 < len(text.encode()) <= MAX_BYTES
    assert " more failures " in text
    assert text.startswith("### 200 failed")


@given(st.lists(st.sampled_from([PASS, PANIC]), max_size=30), st.integers(0, 3000))
def test_failures_that_do_not_fit_are_counted(verdicts: list[Verdict], max_bytes: int) -> None:
    many = [replace(verdict, project=f"p{number}") for number, verdict in enumerate(verdicts)]
    text = summary(many, max_bytes)
    assert len(text.encode()) <= max_bytes or not text
    if max_bytes > 2 * RESERVED_BYTES:
        failures = sum(verdict.verdict is not Outcome.PASS for verdict in many)
        left_out = [int(line.split()[0]) for line in text.splitlines() if " more failures " in line]
        assert text.count("<details>") + sum(left_out) == failures


def test_a_summary_without_verdicts(tmp_path: Path) -> None:
    write_summary([], tmp_path / "s.md")
    assert (tmp_path / "s.md").read_text() == "### no test was run\n\n"
