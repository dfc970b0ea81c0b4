# SPDX-License-Identifier: BSD-2-Clause
"""The same verdicts in every form, whatever text is in them; and read back."""

import io
import json
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from scaffold.errors import UsageError
from scaffold.testing.report.counts import columns, headline
from scaffold.testing.report.heatmap import write_heatmap
from scaffold.testing.report.junit import write_junit
from scaffold.testing.report.markdown import LIMIT_BYTES, summary, write_summary
from scaffold.testing.report.merge import read_results
from scaffold.testing.report.table import LiveTable
from scaffold.vmtest.verdict import Outcome, Verdict, as_json
from tests.conftest import Command

PASS = Verdict(
    "hello", "libbpf", "6.1", "amd64", "6.1.0-56-cloud-amd64", "tcg", True, Outcome.PASS, 0.2, 0.1, 0.5, ("seen",)
)
FAIL = replace(
    PASS, kernel="5.10", verdict=Outcome.FAIL, reason="no event", console=("one", "two"), log="/logs/hello.log"
)
ERROR = replace(PASS, project="other", framework="cilium", verdict=Outcome.ERROR, reason="no QEMU")
ALL = [PASS, FAIL, ERROR]
HOSTILE = "</details><script>alert(1)</script> ``` | `` [x](http://e.invalid) *b* \x1b[31m \u202e & <b>"
TEXT = st.text(max_size=40) | st.just(HOSTILE) | st.just("`````\n# heading\n</details>")
VERDICTS = st.lists(
    st.builds(
        Verdict,
        project=TEXT, framework=TEXT, kernel=TEXT, arch=st.sampled_from(["amd64", "arm64"]), release=TEXT,
        verdict=st.sampled_from(["pass", "fail", "panic", "timeout", "error"]),
        total_s=st.floats(0, 1000), reason=TEXT, console=st.lists(TEXT, max_size=4).map(tuple),
        events=st.lists(TEXT, max_size=2).map(tuple),
    ),
    max_size=6,
)  # fmt: skip
one_directory = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


def lines(verdicts: list[Verdict]) -> str:
    return "".join(as_json(verdict) + "\n" for verdict in verdicts)


def key(verdict: Verdict) -> tuple[str, str, str]:
    return verdict.project, verdict.kernel, verdict.arch


@given(VERDICTS)
@one_directory
def test_what_was_printed_is_read_back(tmp_path: Path, verdicts: list[Verdict]) -> None:
    (tmp_path / "a").write_text(lines(verdicts), encoding="utf-8", errors="surrogatepass")
    assert read_results([tmp_path / "a"]) == list({key(verdict): verdict for verdict in verdicts}.values())


@given(VERDICTS)
@one_directory
def test_junit_holds_all_whatever_the_texts(tmp_path: Path, verdicts: list[Verdict]) -> None:
    write_junit(verdicts, tmp_path / "junit.xml")
    (suite,) = ElementTree.parse(tmp_path / "junit.xml").getroot()
    kinds = [verdict.verdict for verdict in verdicts]
    failures = sum(kind in ("fail", "panic", "timeout") for kind in kinds)
    counts = [suite.get(name) for name in ("tests", "failures", "errors")]
    assert counts == [str(len(kinds)), str(failures), str(kinds.count(Outcome.ERROR))]
    assert len(suite) == len(kinds)


@given(VERDICTS)
def test_no_text_gets_out_of_its_place_in_markdown(verdicts: list[Verdict]) -> None:
    text = summary(verdicts, LIMIT_BYTES)
    tokens = MarkdownIt("commonmark", {"html": True}).enable("table").parse(text)
    troubles = [verdict for verdict in verdicts if verdict.verdict != "pass"]
    assert [token.tag for token in tokens if token.type == "heading_open"] == ["h3"]
    assert sum(token.type == "fence" for token in tokens) == len(troubles)
    html = "".join(token.content for token in tokens if token.type == "html_block")
    assert html.count("<details>") == html.count("</details>") == len(troubles)
    assert "<script" not in html and "<b>" not in html
    inline = [child.type for token in tokens for child in token.children or ()]
    assert not {"link_open", "html_inline", "em_open", "code_inline"} & set(inline)
    rows = len({verdict.project for verdict in verdicts})
    assert sum(token.type == "tr_open" for token in tokens) == (1 + rows if verdicts else 0)


def test_a_summary_that_is_too_long_says_what_it_leaves_out() -> None:
    many = [replace(FAIL, project=f"p{number}", console=("x" * 500,) * 25) for number in range(200)]
    text = summary(many, LIMIT_BYTES)
    assert LIMIT_BYTES - 20_000 < len(text.encode()) <= LIMIT_BYTES
    assert "more troubles have no room here" in text
    assert text.startswith("### 200 failed")


def test_a_job_of_github_gets_the_summary_after_what_it_has(
    ebpf_new: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "job.md").write_text("Before.\n")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "job.md"))
    (tmp_path / "a").write_text(lines(ALL))
    assert ebpf_new("report", "merge", "a").returncode == 69
    assert (tmp_path / "job.md").read_text().startswith("Before.\n### 1 passed, 1 failed, 1 could not be run")


def test_the_heat_map_names_rows_by_framework_where_it_can(tmp_path: Path) -> None:
    write_heatmap(ALL, tmp_path / "map.svg")
    first = (tmp_path / "map.svg").read_text()
    words = [element.text for element in ElementTree.fromstring(first).iter("{http://www.w3.org/2000/svg}text")]
    rows = ["libbpf", "✗ fail", "0.5 s", "✓ 0.5 s", "cilium", "? error", "0.5 s"]
    assert words == ["5.10", "6.1", *rows, "1 passed, 1 failed, 1 could not be run"]
    write_heatmap(ALL, tmp_path / "map.svg")
    assert (tmp_path / "map.svg").read_text() == first
    write_heatmap([*ALL, replace(PASS, project="second")], tmp_path / "map.svg")
    assert ">second<" in (tmp_path / "map.svg").read_text()


@given(VERDICTS)
@one_directory
def test_the_heat_map_is_xml_whatever_the_texts(tmp_path: Path, verdicts: list[Verdict]) -> None:
    write_heatmap(verdicts, tmp_path / "map.svg")
    ElementTree.parse(tmp_path / "map.svg")
    assert "<script" not in (tmp_path / "map.svg").read_text()


def test_kernels_stand_in_the_order_of_their_versions() -> None:
    kernels = ["distro", "6.12", "6.1", "10.0", "5.10", "/boot/x", "newest"]
    assert columns([replace(PASS, kernel=kernel) for kernel in kernels])[:4] == ["5.10", "6.1", "6.12", "10.0"]


def test_the_headline_counts_every_kind() -> None:
    assert headline([]) == "nothing was run"
    assert headline([PASS, PASS, FAIL]) == "2 passed, 1 failed"


def test_elsewhere_than_on_a_terminal_there_are_lines() -> None:
    stream = io.StringIO()
    with LiveTable(3, stream) as live:
        live.started("hello", "")
        live.finished("hello", "")
        for verdict in ALL[:2]:
            live.verdict(verdict)
    told = stream.getvalue().splitlines()
    assert told[0].startswith("PASS    hello on 6.1.0")
    assert told[-1].startswith("1 passed, 1 failed, 1 not run (")
    assert "\x1b" not in stream.getvalue()


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (lines([PASS])[:-20], "line 1: this is not JSON, or not all of it"),
        (lines([PASS]) + "[]\n", "line 2: this is no JSON object"),
        ('{"project": "a"}\n', "it lacks framework, kernel, arch"),
        (lines([PASS]).replace('"pass"', '"good"'), "verdict cannot be 'good'"),
        (lines([PASS]).replace('["seen"]', "3"), "events cannot be 3"),
    ],
)
def test_what_is_no_result(ebpf_new: Command, tmp_path: Path, text: str, complaint: str) -> None:
    (tmp_path / "a").write_text(text)
    done = ebpf_new("report", "merge", "a")
    assert (done.returncode, done.stdout) == (2, "")
    assert complaint in done.stderr


def test_a_result_that_is_missing(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="No such file"):
        read_results([tmp_path / "a"])


def test_keys_of_a_newer_version_are_passed_over(tmp_path: Path) -> None:
    (tmp_path / "a").write_text(json.dumps({**json.loads(as_json(PASS)), "colour": "green"}))
    assert read_results([tmp_path / "a"]) == [PASS]


def test_parts_are_joined_and_the_later_counts(ebpf_new: Command, tmp_path: Path) -> None:
    (tmp_path / "a").write_text(lines([PASS, FAIL]))
    (tmp_path / "b").write_text(lines([replace(FAIL, verdict=Outcome.PASS, reason="")]))
    done = ebpf_new(
        "report", "merge", "a", "b", "--json", "--junit", "j.xml", "--summary", "s.md", "--heatmap", "h.svg"
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert [json.loads(line)["verdict"] for line in done.stdout.splitlines()] == ["pass", "pass"]
    assert all((tmp_path / name).stat().st_size for name in ("j.xml", "s.md", "h.svg"))
    shown = ebpf_new("report", "merge", "a", "b")
    assert "2 passed" in shown.stdout and "hello" in shown.stdout


@pytest.mark.parametrize(("expected", "status"), [(2, 0), (3, 69)])
def test_a_lost_part_is_no_success(ebpf_new: Command, tmp_path: Path, expected: int, status: int) -> None:
    (tmp_path / "a").write_text(lines([PASS, replace(PASS, kernel="6.12")]))
    done = ebpf_new("report", "merge", "a", "--expect", str(expected))
    assert done.returncode == status
    assert ("only 2 of 3 verdicts" in done.stderr) == bool(status)


def test_a_summary_can_be_written_where_nothing_ran(tmp_path: Path) -> None:
    write_summary([], tmp_path / "s.md")
    assert (tmp_path / "s.md").read_text() == "### nothing was run\n\n"
