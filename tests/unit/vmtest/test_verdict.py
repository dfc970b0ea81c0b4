# SPDX-License-Identifier: BSD-2-Clause
"""What the guest reports decides the verdict, and nothing else does."""

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaffold.vmtest.manifest import EventSource, Manifest
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
GOOD = """\
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


def test_a_good_run_passes_with_the_triggers_event() -> None:
    assert judge(read_report(console(GOOD), MARK), MANIFEST) == ("", ("from PID 98.",))


def test_time_to_attach_is_the_guests_own_without_the_filter() -> None:
    assert attach_seconds(read_report(console(GOOD), MARK)) == 0.25
    assert attach_seconds(read_report(console(GOOD.replace("ready 3.35\n", "")), MARK)) == 0


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("from PID 98.", "by PID 98.", "no event of PID 98 was seen"),
        ("PID 98.", "PID 97.", "only others"),
        ("event echo-121", "event sh-1 [000] write from PID 1.\nevent echo-121", "another process"),
        ("PID 121.", "PID 120.", "with the filter set, no event of PID 121 was seen"),
        ("ended 0\nleft 0\nstep", "ended 130\nleft 0\nstep", "ended with 130 on SIGINT"),
        ("attached 1\ntrigger", "attached 0\ntrigger", "no BPF program was loaded"),
        ("before 0", "before 255", "does not tell"),
        ("attached 2", "attached 255", "does not tell"),
        ("left 0\nstep filtered", "left 2\nstep filtered", "stayed loaded after the program had ended (2)"),
        ("step after\n", "step after\nlate sh-1 write from PID 1.\n", "an event came after"),
        ("done\n", "", "ended before the run did"),
        ("attached 2\n", "", "ended before the program was attached"),
    ],
)
def test_each_fault_has_its_reason(old: str, new: str, reason: str) -> None:
    assert GOOD.count(old) == 1
    assert reason in reason_for(GOOD.replace(old, new))


def test_an_early_end_tells_what_the_program_said() -> None:
    text = "begin\nbefore 0\nstep all\nearly 1\noutput cannot open the file\n"
    assert reason_for(text).endswith("before it was attached (exit status 1): cannot open the file")
    refused = text + "output -- BEGIN PROG LOAD LOG --\n"
    assert "the kernel refused the BPF program" in reason_for(refused)


def test_a_program_that_is_gone_is_not_blamed_for_what_it_no_longer_does() -> None:
    text = "begin\nbefore 0\nstep all\noutput Attached\nattached 0\ntrigger 98\nstopping\ngone\nended 0\n"
    assert reason_for(text) == "the program ended by itself, with 0, before SIGINT: Attached"


def test_nothing_reported_is_no_pass() -> None:
    assert judge(read_report(b"", MARK), MANIFEST)[0]


def test_lines_without_the_mark_do_not_count() -> None:
    forged = console(GOOD).replace(MARK, b"vmtest-ffffffffffffffff")
    assert judge(read_report(forged, MARK), MANIFEST)[0]


@pytest.mark.parametrize(
    ("upto", "waiting"),
    [
        ("step all\n", "the program to say 'Attached'"),
        ("stopping\n", "the program to end on SIGINT"),
        ("trigger 98\n", "the guest to finish the run"),
        ("begin\n", "the guest to start the program"),
    ],
)
def test_what_a_run_waits_for(upto: str, waiting: str) -> None:
    text = GOOD[: GOOD.index(upto) + len(upto)]
    assert pending_action(read_report(console(text), MARK), MANIFEST) == waiting


@pytest.mark.parametrize(
    ("verdicts", "status"),
    [(["pass"], 0), (["pass", "fail"], 1), (["panic"], 1), (["timeout"], 1), (["fail", "error"], 69), ([], 1)],
)
def test_exit_status(verdicts: list[str], status: int) -> None:
    assert exit_status([Verdict("p", "f", "6.1", verdict=Outcome(kind)) for kind in verdicts]) == status


UNFILTERED = GOOD[: GOOD.index("step filtered")] + GOOD[GOOD.index("step after") :]
TOKEN, PORT = trigger_values(MARK)["token"], trigger_values(MARK)["port"]
XDP = replace(MANIFEST, filter=(), trigger=("nc", "{port}"), pattern=re.compile("port (?P<port>[0-9]+)"))
SNIFF = replace(MANIFEST, filter=(), trigger=("cat", "{token}"), pattern=re.compile("(?P<token>[a-z]+) opened"))


def test_without_a_filter_one_run_is_enough_and_needed() -> None:
    assert reason_for(UNFILTERED, replace(MANIFEST, filter=())) == ""
    assert reason_for(UNFILTERED) == "the guest ended before the program was started"
    assert reason_for("begin\nbefore 0\nstep after\ndone\n", replace(MANIFEST, filter=())) != ""


def test_the_exit_status_is_one_of_those_named() -> None:
    interrupted = GOOD.replace("ended 0", "ended 130")
    assert reason_for(interrupted, replace(MANIFEST, exit_status=(0, 130))) == ""
    assert "with 130 on SIGINT instead of 0 or 1" in reason_for(interrupted, replace(MANIFEST, exit_status=(0, 1)))
    assert "with 0 on SIGINT instead of 130" in reason_for(GOOD, replace(MANIFEST, exit_status=(130,)))


@pytest.mark.parametrize(
    ("manifest", "event", "reason"),
    [
        (XDP, f"TCP to port {PORT}", ""),
        (XDP, "TCP to port 53", f"no event of port {PORT} was seen, only others, such as: port 53"),
        (XDP, f"TCP to port {PORT}1", f"no event of port {PORT} was seen, only others"),
        (XDP, f"seen {PORT}", f"no event of port {PORT} was seen: nothing matches"),
        (XDP, "TCP to port 98", f"no event of port {PORT} was seen, only others, such as: port 98"),
        (SNIFF, f"/tmp/{TOKEN} opened", ""),
        (SNIFF, "/tmp/abcdefghijkl opened", f"no event of token {TOKEN} was seen, only others"),
    ],
)
def test_an_event_without_a_pid_must_hold_this_runs_own_word(manifest: Manifest, event: str, reason: str) -> None:
    said = reason_for(UNFILTERED.replace("write from PID 98.", event), manifest)
    assert said == "" if reason == "" else reason in said


def test_an_optional_group_proves_nothing() -> None:
    manifest = replace(XDP, pattern=re.compile("TCP(?: to port (?P<port>[0-9]+))?"))
    said = reason_for(UNFILTERED.replace("write from PID 98.", "TCP"), manifest)
    assert said == f"no event of port {PORT} was seen, only others, such as: TCP"
    pid = replace(MANIFEST, pattern=re.compile("TCP(?P<pid>[0-9]+)?"), filter=())
    assert reason_for(UNFILTERED.replace("write from PID 98.", "TCP").replace("trigger 98\n", ""), pid) != ""


@given(st.binary(min_size=8))
def test_the_words_of_runs_fit_their_places(mark: bytes) -> None:
    words = trigger_values(mark)
    assert re.fullmatch("[a-p]{12}", words["token"])
    assert 10000 <= int(words["port"]) < 30000
    assert words == trigger_values(mark)
    assert words["token"] != trigger_values(mark + b"x")["token"]


NUMBERS = ["nan", "inf", "-1", "1e9", "1_0", "٣", "9" * 5000, "", "1 ", "0x1", "1\x00"]


@pytest.mark.parametrize("number", NUMBERS, ids=range(len(NUMBERS)))
@pytest.mark.parametrize("key", ["before", "started", "ready", "attached", "early", "ended", "left"])
def test_a_damaged_number_is_no_number(key: str, number: str) -> None:
    text = f"before 7\nstep all\n{key} {number}\n"
    assert read_report(console(text), MARK) == read_report(console("before 7\nstep all\n"), MARK)


LINES = st.one_of(
    st.binary(max_size=60),
    st.builds(
        lambda key, value: MARK + b" " + key.encode() + b" " + value,
        st.sampled_from("before step started ready attached early ended left trigger event late output done x".split()),
        st.one_of(st.binary(max_size=40), st.sampled_from([b"all", b"after", b"1", b"98", b"from PID 98.", b"1.5"])),
    ),
)


@given(st.lists(LINES), st.sampled_from([b"\n", b"\r\n", b"\n\x1b[2J"]))
def test_whatever_the_console_holds_is_judged_and_shown_harmlessly(lines: list[bytes], end: bytes) -> None:
    hostile = console(UNFILTERED[: UNFILTERED.index("stopping")]) + end.join(lines) + b"\n"
    report = read_report(hostile, MARK)
    assert pending_action(report, MANIFEST)
    for manifest in (MANIFEST, XDP):
        reason, events = judge(report, manifest)
        said = [reason, *events, as_text(Verdict("p", "f", "6.1", verdict=Outcome.FAIL, reason=reason, events=events))]
        assert all(character.isprintable() or character in "\n\t" for text in said for character in text)
    json.loads(as_json(Verdict("p", "f", "6.1", attach_s=attach_seconds(report))), parse_constant=pytest.fail)


@given(st.text(), st.lists(st.text()))
def test_every_text_of_a_verdict_is_harmless_on_a_terminal(text: str, console: list[str]) -> None:
    shown = as_text(Verdict(text, text, text, reason=text, events=(text,), console=tuple(console)))
    assert all(character.isprintable() or character in "\n\t" for character in shown)
    assert len(shown.split("\n")) <= 4 + len(console)


def test_what_a_terminal_would_obey_is_shown_in_words() -> None:
    shown = as_text(Verdict("p", "f", "6.1", reason="\x1b[2J\x1b]0;gone\x07\r\u202eok \x9b1m é 한\t."))
    assert r"\x1b[2J\x1b]0;gone\x07\r\u202eok \x9b1m é 한" in shown


def test_a_line_without_end_is_cut() -> None:
    shown = as_text(Verdict("p", "f", "6.1", reason="x" * 100000, console=("y" * 100000,)))
    assert len(shown) < 2000


def test_an_escape_sequence_in_an_event_hides_nothing() -> None:
    report = read_report(console(UNFILTERED.replace("write from PID 98.", "\x1b[32mfrom PID 98.\x1b[0m")), MARK)
    assert judge(report, replace(MANIFEST, filter=())) == ("", ("from PID 98.",))
    whole = replace(MANIFEST, filter=(), pattern=re.compile(".*PID (?P<pid>[0-9]+).*"))
    assert r"\x1b[32mfrom PID 98.\x1b[0m" in judge(report, whole)[1][0]
