# SPDX-License-Identifier: BSD-2-Clause
"""Judge a run by what the guest reported.

A run passes only if all of this happened in the guest:
- The program printed an event of the trigger, with the trigger's pid or a value that only this trigger knows.
- With the filter (if the program has one) it printed no event of another process.
- The program exited on SIGINT with the status in the manifest.
- After that no event came, and none of its BPF programs was loaded.
"""

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from enum import StrEnum

from .bpf_counter import COUNT_UNAVAILABLE
from .manifest import Manifest, Proof
from .printable import printable

EX_UNAVAILABLE = 69
MAX_LINE_CHARACTERS = 500
INTEGER = re.compile(r"[0-9]{1,9}")
DECIMAL = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?")
LOAD_FAILURE = re.compile(r"BEGIN PROG LOAD LOG|verifier|load program: ", re.IGNORECASE)
TOKEN_LETTERS = "abcdefghijklmnop"
TOKEN_LENGTH = 12  # fits where a name has 15 letters at most, such as that of a thread
MIN_PORT, PORT_COUNT = 10000, 20000  # below the ports that a kernel assigns itself


class Outcome(StrEnum):
    """The result of a project on a kernel."""

    PASS = "pass"
    FAIL = "fail"  # the program did not do what the manifest requires
    TIMEOUT = "timeout"
    PANIC = "panic"  # the guest's kernel panicked
    ERROR = "error"  # this machine could not run the test


class StepName(StrEnum):
    """The steps of a run in the guest, in this order."""

    ALL = "all"  # the program observes all processes
    FILTERED = "filtered"  # the program observes one process
    AFTER = "after"  # the program has exited


@dataclass(frozen=True)
class Verdict:
    """The result of one project on one kernel. The fields, in this order, are the keys of the JSON object."""

    project: str
    framework: str
    kernel: str  # as the user named it
    arch: str = ""  # of the guest, Debian's name: amd64, arm64
    release: str = ""
    accel: str = ""  # kvm or tcg; "" if no guest was started
    warm: bool = False  # the guest was restored from a snapshot
    verdict: Outcome = Outcome.ERROR
    boot_s: float = 0.0
    attach_s: float = 0.0  # time in the guest from the program's start until it was attached, in hundredths
    total_s: float = 0.0
    events: tuple[str, ...] = ()
    reason: str = ""
    console: tuple[str, ...] = field(default=(), repr=False)  # the last lines, if it did not pass
    log: str = ""  # the file with the whole console, if it did not pass and a log was requested


@dataclass
class StepReport:
    """The report of one step. A number is None until the guest has reported it."""

    started: float = 0.0  # the uptime of the guest in seconds
    ready: float = 0.0  # the same when the program printed that it is attached
    attached: int | None = None  # the number of loaded BPF programs then
    trigger: str = ""  # its pid
    stopping: bool = False  # SIGINT is being sent
    gone: bool = False  # the program had exited before
    early: int | None = None  # the exit status of a program that was never attached
    ended: int | None = None  # the exit status after SIGINT
    left: int | None = None  # the number of loaded BPF programs at the end
    lines: list[str] = field(default_factory=list)  # possible events
    late: list[str] = field(default_factory=list)  # possible events after the program exited
    output: list[str] = field(default_factory=list)  # of the program


@dataclass
class GuestReport:
    """Everything that the guest has reported, in lines that begin with `mark`."""

    mark: bytes
    steps: dict[StepName, StepReport] = field(default_factory=dict)
    before: int = COUNT_UNAVAILABLE  # the number of BPF programs that were loaded before the first step
    done: bool = False


def read_report(console: bytes, mark: bytes) -> GuestReport:
    """Read the complete lines of `console` that begin with `mark`; damaged lines are ignored.

    The program under test can print to the console too, so it may contain anything.
    """
    report = GuestReport(mark)
    step = StepReport()
    for key, value in _marked_lines(console, mark):
        match key:
            case "step" if value in list(StepName):
                step = report.steps.setdefault(StepName(value), StepReport())
            case "before" if INTEGER.fullmatch(value):
                report.before = int(value)
            case "started" | "ready" if DECIMAL.fullmatch(value):
                setattr(step, key, float(value))
            case "attached" | "early" | "ended" | "left" if INTEGER.fullmatch(value):
                setattr(step, key, int(value))
            case "trigger":
                step.trigger = value
            case "event":
                step.lines.append(value)
            case "late":
                step.late.append(value)
            case "output":
                step.output.append(value)
            case "stopping" | "gone":
                setattr(step, key, True)
            case "done":
                report.done = True
    return report


def _marked_lines(console: bytes, mark: bytes) -> Iterator[tuple[str, str]]:
    """Yield the key and the value of each complete line that begins with `mark`."""
    for line in console.split(b"\n")[:-1]:
        before, separator, rest = line.rstrip(b"\r").partition(mark + b" ")
        if separator and not before:
            key, _, value = rest.decode(errors="replace").partition(" ")
            yield key, printable(value)


def trigger_values(mark: bytes) -> dict[Proof, str]:
    """Return the values for {token} and {port} in the trigger of the run with `mark`.

    They are computed from `mark` alone. Nobody can compute `mark` from them.
    """
    digest = hashlib.sha256(mark).digest()
    token = "".join(TOKEN_LETTERS[byte % len(TOKEN_LETTERS)] for byte in digest[:TOKEN_LENGTH])
    port = MIN_PORT + int.from_bytes(digest[12:16], "big") % PORT_COUNT
    return {Proof.TOKEN: token, Proof.PORT: str(port)}


def attach_seconds(report: GuestReport) -> float:
    """Return the time that the program without the filter took to attach in the guest; 0 if it never did."""
    step = report.steps.get(StepName.ALL, StepReport())
    return round(step.ready - step.started, 2) if step.ready else 0.0


def find_events(lines: list[str], manifest: Manifest) -> list[tuple[str, str | None]]:
    """Return the events in `lines`: the text of each, and the pid, token or port that it contains."""
    matches = (manifest.pattern.search(line) for line in lines)
    return [(match[0], match[manifest.proof]) for match in matches if match]


def judge(report: GuestReport, manifest: Manifest) -> tuple[str, tuple[str, ...]]:
    """Return the reason why the run fails in one sentence ("" if it passes), and the events of the trigger."""
    events: tuple[str, ...] = ()
    for name in (StepName.ALL, StepName.FILTERED) if manifest.filter else (StepName.ALL,):
        step = report.steps.get(name)
        if step is None:
            return "the guest ended before the program was started", events
        expected = step.trigger if manifest.proof == Proof.PID else trigger_values(report.mark)[manifest.proof]
        reason, own_events = _judge_step(step, report.before, manifest, expected, name == StepName.FILTERED)
        events = events or own_events
        if reason:
            return (f"with the filter set, {reason}" if name == StepName.FILTERED else reason), events
    late = find_events(report.steps.get(StepName.AFTER, StepReport()).late, manifest)
    if late:
        return f"an event came after the program had exited: {late[0][0]}", events
    if not report.done:
        return "the guest ended before the run was complete", events
    return "", events


def _judge_step(
    step: StepReport, before: int, manifest: Manifest, expected: str, is_filtered: bool
) -> tuple[str, tuple[str, ...]]:
    """Return the result of `judge` for one step; the trigger's events contain the value `expected`."""
    if step.early is not None:
        return _early_exit(step), ()
    if step.gone:
        return f"the program exited with status {step.ended} before SIGINT{_last_line(step.output)}", ()
    if COUNT_UNAVAILABLE in (before, step.attached):
        return "the guest's kernel does not report which BPF programs are loaded", ()
    if step.attached is None:
        return "the guest ended before the program was attached", ()
    if step.attached <= before:
        return f"the program printed {manifest.ready!r}, but no BPF program was loaded", ()
    events = find_events(step.lines, manifest)
    own_events = tuple(text for text, value in events if value == expected)
    if not own_events:
        return _no_event(step, manifest, expected, [text for text, _ in events]), ()
    foreign_events = [text for text, value in events if value != expected]
    if is_filtered and foreign_events:
        return f"an event of another process was seen (not of PID {expected}): {foreign_events[0]}", own_events
    if step.ended not in manifest.exit_status:
        valid = " or ".join(map(str, manifest.exit_status))
        reason = f"the program exited with status {step.ended} after SIGINT (expected {valid})"
        return reason + _last_line(step.output), own_events
    if step.left != before:
        return f"BPF programs stayed loaded after the program had exited ({step.left})", own_events
    return "", own_events


def _early_exit(step: StepReport) -> str:
    is_rejected = any(LOAD_FAILURE.search(line) for line in step.output)
    reason = "the kernel rejected the BPF program" if is_rejected else "the program exited before it was attached"
    return f"{reason} (exit status {step.early}){_last_line(step.output)}"


def _no_event(step: StepReport, manifest: Manifest, expected: str, events: list[str]) -> str:
    label = "PID" if manifest.proof == Proof.PID else manifest.proof
    reason = f"no event of {label} {expected} was seen"
    if events:
        return f"{reason}, only others, such as: {events[0]}"
    lines = [line for line in step.lines if not line.startswith("#")]
    printed = f"; got: {lines[0].partition(': ')[2].strip() or lines[0]}" if lines else ""
    return f"{reason}: no line matches {manifest.pattern.pattern!r}{printed}"


def _last_line(output: list[str]) -> str:
    lines = [line.strip() for line in output if line.strip()]
    return f": {lines[-1]}" if lines else ""


def pending_action(report: GuestReport, manifest: Manifest) -> str:
    """Return what an incomplete run was waiting for, as in "waiting for the program to ..."."""
    if not report.steps:
        return "the guest to start the program"
    step = list(report.steps.values())[-1]
    if step.stopping and step.ended is None:
        return "the program to exit on SIGINT"
    if step.attached is None and StepName.AFTER not in report.steps:
        return f"the program to print {manifest.ready!r}"
    return "the guest to complete the run"


def exit_status(verdicts: list[Verdict]) -> int:
    """Return the exit status for `verdicts`: 69 if this machine could not run a test, 1 if one failed, otherwise 0."""
    outcomes = {verdict.verdict for verdict in verdicts}
    if Outcome.ERROR in outcomes:
        return EX_UNAVAILABLE
    return 0 if outcomes == {Outcome.PASS} else 1


def as_json(verdict: Verdict) -> str:
    """Return the verdict as one JSON object."""
    return json.dumps(asdict(verdict))


def as_text(verdict: Verdict) -> str:
    """Return the verdict for a reader: the result in one line, then an event, the reason and the end of the console."""
    guest = "saved guest" if verdict.warm else "booted"
    where = f"{verdict.release}, {verdict.accel}, {guest}" if verdict.accel else verdict.kernel
    lines = [f"{verdict.verdict.upper():8}{verdict.project} on {where}: {verdict.total_s:.1f} s"]
    details = [*verdict.events[:1], verdict.reason]
    if verdict.console:
        details += ["The console ended with:", *(f"| {line}" for line in verdict.console)]
    lines += [f"        {detail}" for detail in details if detail]
    return "\n".join(printable(line, MAX_LINE_CHARACTERS) for line in lines)
