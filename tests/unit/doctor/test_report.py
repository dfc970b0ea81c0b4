# SPDX-License-Identifier: BSD-2-Clause
"""The report: aligned lines, colour on a terminal only, and JSON."""

import io
import json

import pytest

from scaffold.doctor.finding import Finding, Purpose, Status
from scaffold.doctor.report import exit_status, print_findings, to_json
from tests.findings import finding_from_json

FINDINGS = [
    Finding(Purpose.BUILD, "clang", Status.OK, "19.1.7, compiles for BPF"),
    Finding(Purpose.BUILD, "cargo", Status.MISSING, "not on PATH", "apt-get install cargo", "cargo"),
    Finding(
        Purpose.BUILD,
        "clang-format",
        Status.WARNING,
        "not on PATH; only `make lint` needs it",
        "apt-get install clang-format",
    ),
    Finding(
        Purpose.RUN,
        "tracefs",
        Status.MISSING,
        "not mounted " + "and so on " * 12,
        "mount -t tracefs tracefs " + "/sys/kernel" * 9,
    ),
    Finding(Purpose.TEST, "KVM", Status.WARNING, "no /dev/kvm", "modprobe kvm_intel"),
]
FRAMEWORKS = {"libbpf": ["clang"], "libbpf-rs": ["clang", "cargo"]}


class Terminal(io.TextIOWrapper):
    def isatty(self) -> bool:
        return True


def text_file(encoding: str = "utf-8") -> io.TextIOWrapper:
    return io.TextIOWrapper(io.BytesIO(), encoding)


def report_lines(stream: io.TextIOWrapper, findings: list[Finding] = FINDINGS) -> list[str]:
    print_findings(findings, FRAMEWORKS, "apt-get install cargo", stream)
    stream.seek(0)
    return stream.read().splitlines()


def test_output_to_a_file_is_one_line_per_finding_in_columns() -> None:
    lines = report_lines(text_file())
    rows = [line for line in lines if line.startswith("  ") and not line.lstrip().startswith("->")]
    assert len(rows) == len(FINDINGS) + 4
    assert "\x1b" not in "".join(lines)
    assert "  missing  cargo            not on PATH" in lines
    assert "                            -> apt-get install cargo" in lines
    assert lines[-1] == "All packages at once: apt-get install cargo"


def test_report_ends_with_what_is_possible() -> None:
    lines = report_lines(text_file())
    ready = [line.split() for line in lines[lines.index("Ready?") + 1 : -2]]
    assert [(status, " ".join(rest)) for status, *rest in ready] == [
        ("ok", "Build libbpf yes"),
        ("missing", "Build libbpf-rs no, missing: cargo"),
        ("missing", "Run here no, missing: tracefs"),
        ("ok", "Test in a VM yes"),
    ]


def test_narrow_terminal_wraps_findings_but_not_commands(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    lines = report_lines(Terminal(io.BytesIO()))
    plain = [
        line.replace("\x1b[32m", "").replace("\x1b[33m", "").replace("\x1b[31m", "").replace("\x1b[0m", "")
        for line in lines
    ]
    assert any("\x1b[31mmissing\x1b[0m" in line for line in lines)
    assert [line for line in plain if len(line) >= 60 and "->" not in line] == []
    assert any(line.endswith(FINDINGS[3].fix) for line in plain)


@pytest.mark.parametrize(("variable", "value"), [("NO_COLOR", "1"), ("TERM", "dumb")])
def test_colour_can_be_switched_off(variable: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv(variable, value)
    assert "\x1b" not in "".join(report_lines(Terminal(io.BytesIO())))


def test_json_contains_all_findings() -> None:
    document = json.loads(to_json(FINDINGS, FRAMEWORKS))
    assert document["ready"] == {"build": False, "run": False, "test": True}
    assert document["frameworks"] == {"libbpf": True, "libbpf-rs": False}
    assert [finding_from_json(entry) for entry in document["findings"]] == FINDINGS


def test_warnings_do_not_change_the_exit_status() -> None:
    assert exit_status(FINDINGS) == 1
    assert exit_status([finding for finding in FINDINGS if finding.status != Status.MISSING]) == 0


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_path_that_cannot_be_encoded_is_escaped(encoding: str) -> None:
    odd = Finding(Purpose.BUILD, "clang", Status.OK, "19 (/home/\N{HANGUL SYLLABLE HAN}/\udcff/clang)")
    (line,) = (line for line in report_lines(text_file(encoding), [odd]) if "/home/" in line)
    assert line.endswith("/\\udcff/clang)")
