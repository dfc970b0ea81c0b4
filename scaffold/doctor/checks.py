# SPDX-License-Identifier: BSD-2-Clause
"""Run all checks at the same time. A check that crashes or hangs is a finding too, and does not stop the others."""

import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from . import guests, kernel
from .distribution import Distribution
from .finding import Finding, Purpose, Status
from .host import Host
from .needs import Need
from .subprocesses import CommandRunner
from .tools import check_need, purpose_of

ALL_CHECKS_SECONDS = 20.0
CHECK_FAILED_FIX = "this is a bug in the doctor, or a problem with the kernel or the hardware of this machine"


@dataclass(frozen=True)
class Requirements:
    """What a machine must provide: for programs, for the test runner, and the tracepoints that programs attach to.

    A tracepoint is written as in SEC(), without the type: syscalls/sys_enter_write.
    """

    needs: Sequence[Need]
    runner_needs: Sequence[Need]
    tracepoints: Sequence[str]


@dataclass(frozen=True)
class Check:
    """A function that makes one finding or more. `name` is the name of the finding if it crashes or hangs."""

    purpose: Purpose
    name: str
    run: Callable[[], Finding | list[Finding]]


def check_machine(requirements: Requirements, host: Host, distribution: Distribution) -> list[Finding]:
    """Check `host` for `requirements`, and return the findings in the order build, run, test."""
    return run_checks(list(_checks(requirements, host, distribution)), ALL_CHECKS_SECONDS, host.commands)


def run_checks(checks: Sequence[Check], seconds: float, commands: CommandRunner) -> list[Finding]:
    """Run all `checks` at the same time, for `seconds` at most, and return their findings in the order of `checks`.

    It also ends the `commands` that the checks have started.
    """
    results: queue.SimpleQueue[tuple[int, list[Finding]]] = queue.SimpleQueue()
    findings_by_number: dict[int, list[Finding]] = {}
    deadline = time.monotonic() + seconds
    try:
        for number, check in enumerate(checks):
            # A thread that hangs in the kernel cannot be ended. The process does not wait for a daemon thread.
            threading.Thread(target=lambda n=number, c=check: results.put((n, _run_check(c))), daemon=True).start()
        while len(findings_by_number) < len(checks):
            number, findings = results.get(timeout=max(0.0, deadline - time.monotonic()))
            findings_by_number[number] = findings
    except queue.Empty:
        pass  # the checks without a result are reported below
    finally:
        commands.end_all()
    timeout = f"no answer within {seconds:.0f} seconds"
    return [
        finding
        for number, check in enumerate(checks)
        for finding in findings_by_number.get(number, [_failed(check, timeout)])
    ]


def _run_check(check: Check) -> list[Finding]:
    try:
        result = check.run()
    except Exception as error:
        return [_failed(check, f"the check failed: {type(error).__name__}: {error}")]
    return result if isinstance(result, list) else [result]


def _failed(check: Check, problem: str) -> Finding:
    return Finding(check.purpose, check.name, Status.MISSING, problem, CHECK_FAILED_FIX)


def _checks(requirements: Requirements, host: Host, distribution: Distribution) -> Iterator[Check]:
    def of_need(need: Need) -> Check:
        return Check(purpose_of(need), need.name, lambda: check_need(need, host, distribution))

    run, test = Purpose.RUN, Purpose.TEST
    runner_needs = {need.name: need for need in requirements.runner_needs}
    yield from (of_need(need) for need in requirements.needs if purpose_of(need) != test)
    yield Check(run, "kernel", kernel.check_kernel)
    yield Check(run, "BTF", lambda: kernel.check_btf(host))
    yield Check(run, "bpf()", lambda: kernel.check_bpf(host))
    yield Check(run, "lockdown", lambda: kernel.check_lockdown(host))
    yield Check(run, "tracefs", lambda: kernel.check_tracefs(host, requirements.tracepoints))
    yield Check(run, "tracing_on", lambda: kernel.check_tracing_on(host))
    yield Check(run, "memlock", kernel.check_memlock)
    yield from (of_need(need) for need in requirements.needs if purpose_of(need) == test)
    yield Check(test, "busybox", lambda: guests.check_busybox(runner_needs["busybox"], host, distribution))
    yield Check(test, "guests", lambda: guests.check_guests(runner_needs, host, distribution))
