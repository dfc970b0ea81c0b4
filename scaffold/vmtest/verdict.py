# SPDX-License-Identifier: BSD-2-Clause
"""From what the guest reported to a verdict.

A run passes only if, in the guest: an event was seen that was the trigger's own, by its pid or by a word that
only this run's trigger knows; with the filter set (if the program has one), no other pid was; the program ended
on SIGINT, with the status that the manifest names; afterwards no event came, and no BPF program of it was loaded
any more.
"""

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from enum import StrEnum

from .bpf_counter import COUNT_UNAVAILABLE
from .manifest import Manifest
from .printable import printable

EX_UNAVAILABLE = 69
SHOWN = 500  # characters of a line
STEPS = ("all", "filtered", "after")
WHOLE = re.compile(r"[0-9]{1,9}")
DECIMAL = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?")
REFUSED = re.compile(r"BEGIN PROG LOAD LOG|verifier|load program: ", re.IGNORECASE)


class Outcome(StrEnum):
    """How a project did on a kernel."""

    PASS = "pass"
    FAIL = "fail"  # the program did not do what the manifest says
    TIMEOUT = "timeout"
    PANIC = "panic"  # the guest's kernel panicked
    ERROR = "error"  # this machine could not run the test


@dataclass(frozen=True)
class Verdict:
    """The result of one project on one kernel; its fields in this order are the JSON report."""

    project: str
    framework: str
    kernel: str  # as the user called it
    arch: str = ""  # of the guest, by Debian's name: amd64, arm64
    release: str = ""
    accel: str = ""
    warm: bool = False
    verdict: Outcome = Outcome.ERROR
    boot_s: float = 0.0
    attach_s: float = 0.0  # in the guest, from the program's start to its being attached; to a hundredth
    total_s: float = 0.0
    events: tuple[str, ...] = ()
    reason: str = ""
    console: tuple[str, ...] = field(default=(), repr=False)  # the last lines, when it did not pass
    log: str = ""  # the file that has all of the console, when one was asked for and it did not pass


@dataclass
class Observation:
    """What one step of the run (all, filtered, after) reported."""

    started: float = 0.0  # seconds that the guest had been up
    ready: float = 0.0
    attached: int | None = None
    trigger: str = ""
    stopping: bool = False
    gone: bool = False
    early: int | None = None
    ended: int | None = None
    left: int | None = None
    lines: list[str] = field(default_factory=list)
    late: list[str] = field(default_factory=list)
    output: list[str] = field(default_factory=list)


@dataclass
class Report:
    """All that the guest reported, step by step, behind `mark`."""

    mark: bytes
    steps: dict[str, Observation] = field(default_factory=dict)
    before: int = COUNT_UNAVAILABLE  # BPF programs that were loaded before the first step
    done: bool = False


def read_report(console: bytes, mark: bytes) -> Report:
    """Collect the lines of `console` that begin with `mark`; only whole lines count.

    Anything may stand in `console`: the program prints there too. A line that is damaged counts as not there.
    """
    report = Report(mark)
    step = Observation()
    for key, value in _marked(console, mark):
        if key == "step" and value in STEPS:
            step = report.steps.setdefault(value, Observation())
        elif key == "before" and WHOLE.fullmatch(value):
            report.before = int(value)
        elif key in ("started", "ready") and DECIMAL.fullmatch(value):
            setattr(step, key, float(value))
        elif key in ("attached", "early", "ended", "left") and WHOLE.fullmatch(value):
            setattr(step, key, int(value))
        elif key == "trigger":
            step.trigger = value
        elif key == "event":
            step.lines.append(value)
        elif key == "late":
            step.late.append(value)
        elif key == "output":
            step.output.append(value)
        elif key in ("stopping", "gone"):
            setattr(step, key, True)
        elif key == "done":
            report.done = True
    return report


def _marked(console: bytes, mark: bytes) -> Iterator[tuple[str, str]]:
    for line in console.split(b"\n")[:-1]:
        head, found, rest = line.rstrip(b"\r").partition(mark + b" ")
        if found and not head:
            key, _, value = rest.decode(errors="replace").partition(" ")
            yield key, printable(value)


def run_words(mark: bytes) -> dict[str, str]:
    """Return what becomes of {token} and {port} in the trigger of the run that reports behind `mark`.

    They can be told from `mark` alone, and `mark` from none of them. A token fits where a name of 15 letters does
    (a thread's, for one); a port is none that a kernel gives out by itself.
    """
    digest = hashlib.sha256(mark).digest()
    token = "".join("abcdefghijklmnop"[byte % 16] for byte in digest[:12])
    return {"token": token, "port": str(10000 + int.from_bytes(digest[12:16], "big") % 20000)}


def seconds_to_attach(report: Report) -> float:
    """Return how long the program took in the guest to be attached, without the filter; 0 if it never was."""
    step = report.steps.get("all", Observation())
    return round(step.ready - step.started, 2) if step.ready else 0.0


def events_in(lines: list[str], manifest: Manifest) -> list[tuple[str, str | None]]:
    """Return the events in `lines`, each as its text and its proof: the pid, token or port that it names."""
    matches = (manifest.pattern.search(line) for line in lines)
    return [(match[0], match[manifest.proof]) for match in matches if match]


def judge(report: Report, manifest: Manifest) -> tuple[str, tuple[str, ...]]:
    """Return why the run fails, in one sentence ("" when it passes), and the trigger's own events."""
    seen: tuple[str, ...] = ()
    for name in ("all", "filtered") if manifest.filter else ("all",):
        step = report.steps.get(name)
        if step is None:
            return "the guest ended before the program was started", seen
        proof = step.trigger if manifest.proof == "pid" else run_words(report.mark)[manifest.proof]
        reason, own = _judge_step(step, report.before, manifest, proof, filtered=name == "filtered")
        seen = seen or own
        if reason:
            return (f"with the filter set, {reason}" if name == "filtered" else reason), seen
    after = report.steps.get("after", Observation())
    late = events_in(after.late, manifest)
    if late:
        return f"an event came after the program had ended: {late[0][0]}", seen
    if not report.done:
        return "the guest ended before the run did", seen
    return "", seen


def _judge_step(
    step: Observation, before: int, manifest: Manifest, proof: str, filtered: bool
) -> tuple[str, tuple[str, ...]]:
    if step.early is not None:
        return _ended_early(step), ()
    if step.gone:
        return f"the program ended by itself, with {step.ended}, before SIGINT{_last(step.output)}", ()
    if COUNT_UNAVAILABLE in (before, step.attached):
        return "the guest's kernel does not tell which BPF programs are loaded", ()
    if step.attached is None:
        return "the guest ended before the program was attached", ()
    if step.attached <= before:
        return f"the program said {manifest.ready!r}, but no BPF program was loaded", ()
    events = events_in(step.lines, manifest)
    own = tuple(text for text, named in events if named == proof)
    if not own:
        return _not_seen(step, manifest, proof, [text for text, _ in events]), ()
    strangers = [text for text, named in events if named != proof]
    if filtered and strangers:
        return f"an event of another process was seen (not of PID {proof}): {strangers[0]}", own
    if step.ended not in manifest.exit_status:
        wanted = " or ".join(map(str, manifest.exit_status))
        return f"the program ended with {step.ended} on SIGINT instead of {wanted}{_last(step.output)}", own
    if step.left != before:
        return f"BPF programs stayed loaded after the program had ended ({step.left})", own
    return "", own


def _ended_early(step: Observation) -> str:
    refused = any(REFUSED.search(line) for line in step.output)
    what = "the kernel refused the BPF program" if refused else "the program ended before it was attached"
    return f"{what} (exit status {step.early}){_last(step.output)}"


def _not_seen(step: Observation, manifest: Manifest, proof: str, events: list[str]) -> str:
    wanted = f"no event of {'PID' if manifest.proof == 'pid' else manifest.proof} {proof} was seen"
    if events:
        return f"{wanted}, only others, such as: {events[0]}"
    close = [line for line in step.lines if not line.startswith("#")]
    instead = f"; instead: {close[0].partition(': ')[2].strip() or close[0]}" if close else ""
    return f"{wanted}: nothing matches {manifest.pattern.pattern!r}{instead}"


def _last(lines: list[str]) -> str:
    said = [line.strip() for line in lines if line.strip()]
    return f": {said[-1]}" if said else ""


def waiting_for(report: Report, manifest: Manifest) -> str:
    """Say what a run that ran out of time was waiting for."""
    if not report.steps:
        return "the guest to start the program"
    step = list(report.steps.values())[-1]
    if step.stopping and step.ended is None:
        return "the program to end on SIGINT"
    if step.attached is None and "after" not in report.steps:
        return f"the program to say {manifest.ready!r}"
    return "the guest to finish the run"


def exit_status(verdicts: list[Verdict]) -> int:
    """Return the exit status that stands for `verdicts`: the machine's fault outweighs the program's."""
    kinds = {verdict.verdict for verdict in verdicts}
    if Outcome.ERROR in kinds:
        return EX_UNAVAILABLE
    return 0 if kinds == {Outcome.PASS} else 1


def as_json(verdict: Verdict) -> str:
    """Return the verdict as one JSON object."""
    return json.dumps(asdict(verdict))


def as_text(verdict: Verdict) -> str:
    """Return the verdict as a person reads it: one line, an event, and what went wrong."""
    guest = "saved guest" if verdict.warm else "booted"
    where = f"{verdict.release}, {verdict.accel}, {guest}" if verdict.accel else verdict.kernel
    lines = [f"{verdict.verdict.upper():8}{verdict.project} on {where}: {verdict.total_s:.1f} s"]
    details = [*verdict.events[:1], verdict.reason]
    if verdict.console:
        details += ["The console ended with:", *(f"| {line}" for line in verdict.console)]
    lines += [f"        {detail}" for detail in details if detail]
    return "\n".join(printable(line, SHOWN) for line in lines)
