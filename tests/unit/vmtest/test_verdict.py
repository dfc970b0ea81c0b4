# SPDX-License-Identifier: BSD-2-Clause
"""Only the report of the guest decides about the verdict."""

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaffold.vmtest.manifest import EventSource, Manifest, Proof
from scaffold.vmtest.verdict import (
    Outcome,
    Verdict,
    as_json,
    as_text,
    attach_seconds,
    exit_status,
    judge,
    pending_action,
    read_report,
    trigger_values,
)

MARK = b"vmtest-0123456789abcdef"
MANIFEST = Manifest(
    root=Path("."), project="hello", framework="libbpf", files=("build/hello",), memory=256,
    command=("./hello",), filter=("--pid", "{pid}"), ready="Attached", source=EventSource.TRACE,
    trigger=("echo",), pattern=re.compile(r"from PID (?P<pid>[0-9]+)\."), seconds=30, boot_seconds=120,
)  # fmt: skip
PASSING = """\
begin
before 0
step all
started 3.10
ready 3.35
attached 1
trigger 98
event echo-98 [000] 1.0: bpf_trace_printk: write from PID 98.
event sh-1 [000] 1.0: bpf_trace_printk: write from PID 1.
stopping
ended 0
left 0
step filtered
started 4.00
ready 4.50
attached 2
other 129
trigger 121
event echo-121 [000] 1.0: bpf_trace_printk: write from PID 121.
stopping
ended 0
left 2
left 0
step after
done
"""


def console(text: str) -> bytes:
    lines = [MARK + b" " + line.encode() for line in text.splitlines()]
    return b"vmtest: ready 6.1\r\nkernel noise\n" + b"\r\n".join(lines) + b"\r\n"


def reason_for(text: str, manifest: Manifest = MANIFEST) -> str:
    return judge(read_report(console(text), MARK), manifest)[0]


def test_a_passing_run_has_the_event_of_the_trigger() -> None:
    assert judge(read_report(console(PASSING), MARK), MANIFEST) == ("", ("from PID 98.",))


def test_attach_time_is_measured_in_the_guest_without_the_filter() -> None:
    assert attach_seconds(read_report(console(PASSING), MARK)) == 0.25
    assert attach_seconds(read_report(console(PASSING.replace("ready 3.35\n", "")), MARK)) == 0


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("from PID 98.", "by PID 98.", "no event of PID 98"),
        ("PID 98.", "PID 97.", "no event of PID 98 was seen, only others"),
        ("event echo-121", "event sh-1 [000] write from PID 1.\nevent echo-121", "another process"),
        ("PID 121.", "PID 120.", "with the filter set, no event of PID 121"),
        ("ended 0\nleft 0\nstep", "ended 130\nleft 0\nstep", "status 130 after SIGINT (expected 0)"),
        ("attached 1\ntrigger", "attached 0\ntrigger", "'Attached', but no BPF program was loaded"),
        ("before 0", "before 255", "does not report"),
        ("attached 2", "attached 255", "does not report"),
        ("left 0\nstep filtered", "left 2\nstep filtered", "stayed loaded after the program had exited (2)"),
        (
            "step after\n",
            "step after\nlate sh-1 write from PID 1.\n",
            "an event came after the program had exited: from PID 1.",
        ),
        ("done\n", "", "the guest ended before the run was complete"),
        ("attached 2\n", "", "the guest ended before the program was attached"),
    ],
)
def test_each_failure_has_its_reason(old: str, new: str, reason: str) -> None:
    assert PASSING.count(old) == 1
    assert reason in reason_for(PASSING.replace(old, new))


def test_an_early_exit_gives_the_status_and_the_last_line_of_output() -> None:
    text = "begin\nbefore 0\nstep all\nearly 1\noutput cannot open the file\n"
    assert reason_for(text).endswith("before it was attached (exit status 1): cannot open the file")
    rejected = text + "output -- BEGIN PROG LOAD LOG --\n"
    assert "the kernel rejected the BPF program (exit status 1)" in reason_for(rejected)


def test_a_program_that_exited_before_sigint_fails_for_that_reason_only() -> None:
    text = "begin\nbefore 0\nstep all\noutput Attached\nattached 0\ntrigger 98\nstopping\ngone\nended 0\n"
    assert reason_for(text) == "the program exited with status 0 before SIGINT: Attached"


def test_an_empty_report_fails() -> None:
    assert judge(read_report(b"", MARK), MANIFEST)[0]


def test_lines_without_the_mark_are_ignored() -> None:
    forged = console(PASSING).replace(MARK, b"vmtest-ffffffffffffffff")
    assert judge(read_report(forged, MARK), MANIFEST)[0]


@pytest.mark.parametrize(
    ("last", "pending"),
    [
        ("step all\n", "the program to print 'Attached'"),
        ("stopping\n", "the program to exit on SIGINT"),
        ("trigger 98\n", "the guest to complete the run"),
        ("begin\n", "the guest to start the program"),
    ],
)
def test_pending_action_of_an_incomplete_run(last: str, pending: str) -> None:
    text = PASSING[: PASSING.index(last) + len(last)]
    assert pending_action(read_report(console(text), MARK), MANIFEST) == pending


@pytest.mark.parametrize(
    ("verdicts", "status"),
    [(["pass"], 0), (["pass", "fail"], 1), (["panic"], 1), (["timeout"], 1), (["fail", "error"], 69), ([], 1)],
)
def test_exit_status(verdicts: list[str], status: int) -> None:
    assert exit_status([Verdict("p", "f", "6.1", verdict=Outcome(kind)) for kind in verdicts]) == status


UNFILTERED = PASSING[: PASSING.index("step filtered")] + PASSING[PASSING.index("step after") :]
TOKEN, PORT = trigger_values(MARK)[Proof.TOKEN], trigger_values(MARK)[Proof.PORT]
XDP = replace(MANIFEST, filter=(), trigger=("nc", "{port}"), pattern=re.compile("port (?P<port>[0-9]+)"))
SNIFF = replace(MANIFEST, filter=(), trigger=("cat", "{token}"), pattern=re.compile("(?P<token>[a-z]+) opened"))


def test_without_a_filter_one_run_is_required() -> None:
    assert reason_for(UNFILTERED, replace(MANIFEST, filter=())) == ""
    assert reason_for(UNFILTERED) == "the guest ended before the program was started"
    assert reason_for("begin\nbefore 0\nstep after\ndone\n", replace(MANIFEST, filter=())) != ""


def test_the_manifest_lists_the_valid_exit_statuses() -> None:
    interrupted = PASSING.replace("ended 0", "ended 130")
    assert reason_for(interrupted, replace(MANIFEST, exit_status=(0, 130))) == ""
    assert "status 130 after SIGINT (expected 0 or 1)" in reason_for(interrupted, replace(MANIFEST, exit_status=(0, 1)))
    assert "status 0 after SIGINT (expected 130)" in reason_for(PASSING, replace(MANIFEST, exit_status=(130,)))


@pytest.mark.parametrize(
    ("manifest", "event", "reason"),
    [
        (XDP, f"TCP to port {PORT}", ""),
        (XDP, "TCP to port 53", f"no event of port {PORT} was seen, only others, such as: port 53"),
        (XDP, f"TCP to port {PORT}1", f"no event of port {PORT} was seen, only others"),
        (XDP, f"seen {PORT}", f"no event of port {PORT} was seen: no line matches"),
        (XDP, "TCP to port 98", f"no event of port {PORT} was seen, only others, such as: port 98"),
        (SNIFF, f"/tmp/{TOKEN} opened", ""),
        (SNIFF, "/tmp/abcdefghijkl opened", f"no event of token {TOKEN} was seen, only others"),
    ],
)
def test_an_event_without_a_pid_must_contain_the_value_of_this_run(manifest: Manifest, event: str, reason: str) -> None:
    actual = reason_for(UNFILTERED.replace("write from PID 98.", event), manifest)
    assert actual == "" if reason == "" else reason in actual


def test_an_optional_group_without_a_match_is_not_a_proof() -> None:
    manifest = replace(XDP, pattern=re.compile("TCP(?: to port (?P<port>[0-9]+))?"))
    reason = reason_for(UNFILTERED.replace("write from PID 98.", "TCP"), manifest)
    assert reason == f"no event of port {PORT} was seen, only others, such as: TCP"
    pid = replace(MANIFEST, pattern=re.compile("TCP(?P<pid>[0-9]+)?"), filter=())
    assert reason_for(UNFILTERED.replace("write from PID 98.", "TCP").replace("trigger 98\n", ""), pid) != ""


@given(st.binary(min_size=8))
def test_trigger_values_depend_on_the_mark_only(mark: bytes) -> None:
    values = trigger_values(mark)
    assert re.fullmatch("[a-p]{12}", values[Proof.TOKEN])
    assert 10000 <= int(values[Proof.PORT]) < 30000
    assert values == trigger_values(mark)
    assert values[Proof.TOKEN] != trigger_values(mark + b"x")[Proof.TOKEN]


INVALID_NUMBERS = ["nan", "inf", "-1", "1e9", "1_0", "٣", "9" * 5000, "", "1 ", "0x1", "1\x00"]


@pytest.mark.parametrize("key", ["before", "started", "ready", "attached", "early", "ended", "left"])
def test_an_invalid_number_is_ignored(key: str) -> None:
    text = "before 7\nstep all\n"
    for number in INVALID_NUMBERS:
        assert read_report(console(f"{text}{key} {number}\n"), MARK) == read_report(console(text), MARK), number


LINES = st.one_of(
    st.binary(max_size=60),
    st.builds(
        lambda key, value: MARK + b" " + key.encode() + b" " + value,
        st.sampled_from("before step started ready attached early ended left trigger event late output done x".split()),
        st.one_of(st.binary(max_size=40), st.sampled_from([b"all", b"after", b"1", b"98", b"from PID 98.", b"1.5"])),
    ),
)


@given(st.lists(LINES), st.sampled_from([b"\n", b"\r\n", b"\n\x1b[2J"]))
def test_any_console_is_judged_and_printed_safely(lines: list[bytes], end: bytes) -> None:
    hostile = console(UNFILTERED[: UNFILTERED.index("stopping")]) + end.join(lines) + b"\n"
    report = read_report(hostile, MARK)
    assert pending_action(report, MANIFEST)
    for manifest in (MANIFEST, XDP):
        reason, events = judge(report, manifest)
        texts = [reason, *events, as_text(Verdict("p", "f", "6.1", verdict=Outcome.FAIL, reason=reason, events=events))]
        assert all(character.isprintable() or character in "\n\t" for text in texts for character in text)
    json.loads(as_json(Verdict("p", "f", "6.1", attach_s=attach_seconds(report))), parse_constant=pytest.fail)


@given(st.text(), st.lists(st.text()))
def test_every_text_of_a_verdict_is_safe_on_a_terminal(text: str, console: list[str]) -> None:
    shown = as_text(Verdict(text, text, text, reason=text, events=(text,), console=tuple(console)))
    assert all(character.isprintable() or character in "\n\t" for character in shown)
    assert len(shown.split("\n")) <= 4 + len(console)


def test_escape_sequences_are_printed_as_text() -> None:
    shown = as_text(Verdict("p", "f", "6.1", reason="\x1b[2J\x1b]0;gone\x07\r\u202eok \x9b1m é 한\t."))
    assert r"\x1b[2J\x1b]0;gone\x07\r\u202eok \x9b1m é 한" in shown


def test_a_very_long_line_is_shortened() -> None:
    shown = as_text(Verdict("p", "f", "6.1", reason="x" * 100000, console=("y" * 100000,)))
    assert len(shown) < 2000


def test_an_event_with_escape_sequences_is_found() -> None:
    report = read_report(console(UNFILTERED.replace("write from PID 98.", "\x1b[32mfrom PID 98.\x1b[0m")), MARK)
    assert judge(report, replace(MANIFEST, filter=())) == ("", ("from PID 98.",))
    whole = replace(MANIFEST, filter=(), pattern=re.compile(".*PID (?P<pid>[0-9]+).*"))
    assert r"\x1b[32mfrom PID 98.\x1b[0m" in judge(report, whole)[1][0]
