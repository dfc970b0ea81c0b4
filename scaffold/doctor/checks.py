# SPDX-License-Identifier: BSD-2-Clause
"""All checks, side by side: one that crashes or hangs is a finding, and keeps no other from being made."""

import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from . import guests, kernel
from .distribution import Distribution
from .finding import BUILD, MISSING, RUN, TEST, Finding
from .host import Host
from .needs import Need
from .subprocesses import CommandRunner
from .tools import PURPOSES, check_need

SECONDS = 20.0  # for all of them
REPORT_IT = "this is a fault of the doctor, or of the machine under it"


@dataclass(frozen=True)
class Requirements:
    """What is looked for: the needs of programs and of the tests' runner, and the tracepoints of the programs."""

    needs: Sequence[Need]
    runner_needs: Sequence[Need]
    tracepoints: Sequence[str]


@dataclass(frozen=True)
class Check:
    """One check, or some that share what they find out. `name` is what it is called if it finds nothing."""

    purpose: str
    name: str
    look: Callable[[], Finding | list[Finding]]


def check_machine(wanted: Requirements, host: Host, distribution: Distribution) -> list[Finding]:
    """Return what all checks find, in the order of their purposes."""
    return run_checks(list(_checks(wanted, host, distribution)), SECONDS, host.commands)


def run_checks(checks: Sequence[Check], seconds: float, commands: CommandRunner) -> list[Finding]:
    """Make all `checks` at once, within `seconds`, and return what each has found, in their order.

    The `commands` that they run end with them.
    """
    done: queue.SimpleQueue[tuple[int, list[Finding]]] = queue.SimpleQueue()
    found: dict[int, list[Finding]] = {}
    deadline = time.monotonic() + seconds
    try:
        for number, check in enumerate(checks):
            # A thread that hangs in the kernel cannot be ended: nobody waits for it when the process ends.
            threading.Thread(target=lambda n=number, c=check: done.put((n, _found(c))), daemon=True).start()
        while len(found) < len(checks):
            number, findings = done.get(timeout=max(0.0, deadline - time.monotonic()))
            found[number] = findings
    except queue.Empty:
        pass  # what is not there yet never comes
    finally:
        commands.end_all()
    late = f"no answer within {seconds:.0f} seconds"
    return [
        finding
        for number, check in enumerate(checks)
        for finding in found.get(number, [Finding(check.purpose, check.name, MISSING, late, REPORT_IT)])
    ]


def _found(check: Check) -> list[Finding]:
    try:
        found = check.look()
    except Exception as error:
        said = f"the check failed: {type(error).__name__}: {error}"
        return [Finding(check.purpose, check.name, MISSING, said, REPORT_IT)]
    return found if isinstance(found, list) else [found]


def _checks(wanted: Requirements, host: Host, distribution: Distribution) -> Iterator[Check]:
    def of_need(need: Need) -> Check:
        return Check(PURPOSES.get(need.target, BUILD), need.name, lambda: check_need(need, host, distribution))

    of_runner = {need.name: need for need in wanted.runner_needs}
    busybox = of_runner["busybox"]
    yield from (of_need(need) for need in wanted.needs if need.target not in PURPOSES)
    yield Check(RUN, "kernel", kernel.check_kernel)
    yield Check(RUN, "BTF", lambda: kernel.check_btf(host))
    yield Check(RUN, "bpf()", lambda: kernel.check_bpf(host))
    yield Check(RUN, "lockdown", lambda: kernel.check_lockdown(host))
    yield Check(RUN, "tracefs", lambda: kernel.check_tracefs(host, wanted.tracepoints))
    yield Check(RUN, "tracing_on", lambda: kernel.check_tracing_on(host))
    yield Check(RUN, "memlock", kernel.check_memlock)
    yield from (of_need(need) for need in wanted.needs if need.target in PURPOSES)
    yield Check(TEST, "busybox", lambda: guests.check_busybox(busybox, host, distribution))
    yield Check(TEST, "guests", lambda: guests.check_guests(of_runner, host, distribution))
