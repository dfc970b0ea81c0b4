# SPDX-License-Identifier: BSD-2-Clause
"""What is printed: aligned lines, colour on a terminal alone."""

import io
import json

import pytest

from scaffold.doctor.finding import BUILD, MISSING, OK, RUN, TEST, WARNING, Finding
from scaffold.doctor.report import as_json, exit_status, print_findings

FINDINGS = [
    Finding(BUILD, "clang", OK, "19.1.7, compiles for BPF"),
    Finding(BUILD, "cargo", MISSING, "not on PATH", "apt-get install cargo", "cargo"),
    Finding(BUILD, "clang-format", WARNING, "not on PATH; only `make lint` needs it", "apt-get install clang-format"),
    Finding(
        RUN, "tracefs", MISSING, "not mounted " + "and so on " * 12, "mount -t tracefs tracefs " + "/sys/kernel" * 9
    ),
    Finding(TEST, "KVM", WARNING, "no /dev/kvm", "modprobe kvm_intel"),
]
GROUPS = {"libbpf": ["clang"], "libbpf-rs": ["clang", "cargo"]}


class Terminal(io.TextIOWrapper):
    def isatty(self) -> bool:
        return True


def file(encoding: str = "utf-8") -> io.TextIOWrapper:
    return io.TextIOWrapper(io.BytesIO(), encoding)


def shown(stream: io.TextIOWrapper, findings: list[Finding] = FINDINGS) -> list[str]:
    print_findings(findings, GROUPS, "apt-get install cargo", stream)
    stream.seek(0)
    return stream.read().splitlines()


def test_without_a_terminal_there_is_a_line_for_each_in_columns() -> None:
    lines = shown(file())
    rows = [line for line in lines if line.startswith("  ") and not line.lstrip().startswith("->")]
    assert len(rows) == len(FINDINGS) + 4
    assert "\x1b" not in "".join(lines)
    assert "  missing  cargo            not on PATH" in lines
    assert "                            -> apt-get install cargo" in lines
    assert lines[-1] == "All packages at once: apt-get install cargo"


def test_it_says_what_the_machine_is_ready_for() -> None:
    lines = shown(file())
    ready = [line.split() for line in lines[lines.index("Ready?") + 1 : -2]]
    assert [(status, " ".join(words)) for status, *words in ready] == [
        ("ok", "Build libbpf yes"),
        ("missing", "Build libbpf-rs not without cargo"),
        ("missing", "Run here not without tracefs"),
        ("ok", "Test in a VM yes"),
    ]


def test_a_narrow_terminal_folds_what_was_found_and_leaves_commands_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    lines = shown(Terminal(io.BytesIO()))
    plain = [
        line.replace("\x1b[32m", "").replace("\x1b[33m", "").replace("\x1b[31m", "").replace("\x1b[0m", "")
        for line in lines
    ]
    assert any("\x1b[31mmissing\x1b[0m" in line for line in lines)
    assert [line for line in plain if len(line) >= 60 and "->" not in line] == []
    assert any(line.endswith(FINDINGS[3].mend) for line in plain)


@pytest.mark.parametrize(("variable", "value"), [("NO_COLOR", "1"), ("TERM", "dumb")])
def test_colour_can_be_refused(variable: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv(variable, value)
    assert "\x1b" not in "".join(shown(Terminal(io.BytesIO())))


def test_json_has_all_of_it() -> None:
    told = json.loads(as_json(FINDINGS, GROUPS))
    assert told["ready"] == {"build": False, "run": False, "test": True}
    assert told["frameworks"] == {"libbpf": True, "libbpf-rs": False}
    assert [Finding(**each) for each in told["findings"]] == FINDINGS


def test_warnings_do_not_fail() -> None:
    assert exit_status(FINDINGS) == 1
    assert exit_status([each for each in FINDINGS if each.status != MISSING]) == 0


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_a_path_that_cannot_be_shown_is_shown_in_escapes(encoding: str) -> None:
    odd = Finding(BUILD, "clang", OK, "19 (/home/\N{HANGUL SYLLABLE HAN}/\udcff/clang)")
    (line,) = (line for line in shown(file(encoding), [odd]) if "/home/" in line)
    assert line.endswith("/\\udcff/clang)")
