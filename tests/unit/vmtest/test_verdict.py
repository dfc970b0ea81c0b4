# SPDX-License-Identifier: BSD-2-Clause
"""What the guest reports decides the verdict, and nothing else does."""

import re
from pathlib import Path

import pytest

from scaffold.vmtest.manifest import Manifest
from scaffold.vmtest.verdict import Verdict, exit_status, judge, read_report, seconds_to_attach, waiting_for

MARK = b"vmtest-0123456789abcdef"
MANIFEST = Manifest(
    root=Path("."), project="hello", framework="libbpf", files=("build/hello",), memory=256,
    command=("./hello",), filter=("--pid", "{pid}"), ready="Attached", source="trace",
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


def reason_for(text: str) -> str:
    return judge(read_report(console(text), MARK), MANIFEST)[0]


def test_a_good_run_passes_with_the_triggers_event() -> None:
    assert judge(read_report(console(GOOD), MARK), MANIFEST) == ("", ("from PID 98.",))


def test_time_to_attach_is_the_guests_own_without_the_filter() -> None:
    assert seconds_to_attach(read_report(console(GOOD), MARK)) == 0.25
    assert seconds_to_attach(read_report(console(GOOD.replace("ready 3.35\n", "")), MARK)) == 0


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
    assert waiting_for(read_report(console(text), MARK), MANIFEST) == waiting


@pytest.mark.parametrize(
    ("verdicts", "status"),
    [(["pass"], 0), (["pass", "fail"], 1), (["panic"], 1), (["timeout"], 1), (["fail", "error"], 69), ([], 1)],
)
def test_exit_status(verdicts: list[str], status: int) -> None:
    assert exit_status([Verdict("p", "f", "6.1", verdict=kind) for kind in verdicts]) == status
