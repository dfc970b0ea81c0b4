# SPDX-License-Identifier: BSD-2-Clause
"""Checks of the running kernel: may a BPF program be loaded and attached here, and are its events seen?

Sources: kernel-versions.md of BCC for what came when; Documentation/admin-guide/sysctl/kernel.rst for
unprivileged_bpf_disabled; kernel_lockdown(7).
"""

import errno
import os
import re
import resource
from collections.abc import Collection

from .bpf_syscall import load_error
from .finding import MISSING, OK, RUN, WARNING, Finding
from .host import BPF, PERFMON, SYS_ADMIN, Host

Version = tuple[int, int]
LEAST: Version = (4, 8)
ADVISED: Version = (5, 15)
MEMLOCK_COUNTS_BEFORE: Version = (5, 11)
CAME_WITH: tuple[tuple[Version, str], ...] = (
    ((5, 2), "global variables, which the programs of ebpf-new have"),
    ((5, 4), "BTF of the kernel in /sys"),
    ((5, 5), "fentry and fexit"),
    ((5, 7), "LSM programs"),
    ((5, 8), "ring buffers"),
    ((5, 8), "CAP_BPF"),
    ((5, 11), "maps without a limit on locked memory"),
    ((5, 15), "timers"),
)
TRACEFS = ("sys/kernel/tracing", "sys/kernel/debug/tracing")
MOUNT = "mount -t tracefs tracefs /sys/kernel/tracing"
IN_A_VM = "`make test` does without, in kernels that it boots"


def check_kernel() -> Finding:
    """Is the kernel new enough, and what does it lack?"""
    release = os.uname().release
    version = running_version()
    lacks = ", ".join(what for since, what in CAME_WITH if version < since)
    newer = f"boot a kernel {_dotted(ADVISED)} or, better, 6.2 or newer; {IN_A_VM}"
    if version < LEAST:
        return Finding(RUN, "kernel", MISSING, f"{release}: older than {_dotted(LEAST)}, lacks {lacks}", newer)
    if version < ADVISED:
        found = f"{release}: unless the distribution has brought them back, it lacks {lacks}"
        return Finding(RUN, "kernel", WARNING, found, newer)
    return Finding(RUN, "kernel", OK, release)


def check_btf(host: Host) -> Finding:
    """Does the kernel describe its types?"""
    types = host.file("sys/kernel/btf/vmlinux")
    if os.path.exists(types):
        return Finding(RUN, "BTF", OK, f"/sys/kernel/btf/vmlinux, {types.stat().st_size / 1e6:.1f} MB")
    found = "no /sys/kernel/btf/vmlinux: what reads the kernel's structures (CO-RE) does not load, nor does ecli"
    return Finding(RUN, "BTF", MISSING, found, f"boot a kernel with CONFIG_DEBUG_INFO_BTF=y; {IN_A_VM}")


def check_bpf(host: Host) -> Finding:
    """May this process load a BPF program? It is tried."""
    error = load_error()
    if error == 0:
        return Finding(RUN, "bpf()", OK, "a program that does nothing was loaded, and let go")
    if error == errno.ENOSYS:
        return Finding(
            RUN, "bpf()", MISSING, "the kernel has none", f"boot a kernel with CONFIG_BPF_SYSCALL=y; {IN_A_VM}"
        )
    may = host.has_capability(SYS_ADMIN) or (host.has_capability(BPF) and host.has_capability(PERFMON))
    if error is None:
        status = OK if may else WARNING
        found = f"not tried on this processor; this process has {'' if may else 'not '}the capabilities for it"
        return Finding(RUN, "bpf()", status, found, "" if may else host.as_root("make run"))
    why = os.strerror(error)
    if not may and host.can_become_root():
        return _needs_root(host)
    if host.in_user_namespace():
        found = f"{why}: root of a user namespace is not the machine's"
        return Finding(RUN, "bpf()", MISSING, found, f"leave the namespace or rootless container; {IN_A_VM}")
    if not may:
        barred = "no_new_privs is set" if host.status("NoNewPrivs") == "1" else "the container has taken CAP_SYS_ADMIN"
        mend = f"start the container with --privileged, or --cap-add BPF --cap-add PERFMON; {IN_A_VM}"
        return Finding(RUN, "bpf()", MISSING, f"{why}, and sudo cannot help: {barred}", mend)
    if running_version() < MEMLOCK_COUNTS_BEFORE:
        found = f"{why}, in spite of the capabilities: what BPF may lock in memory is used up"
        return Finding(RUN, "bpf()", MISSING, found, "ulimit -l unlimited")
    found = f"{why}, in spite of the capabilities: a filter of system calls (seccomp) or an LSM is in the way"
    return Finding(RUN, "bpf()", MISSING, found, f"with a container: --security-opt seccomp=unconfined; {IN_A_VM}")


def _needs_root(host: Host) -> Finding:
    disabled = host.text("proc/sys/kernel/unprivileged_bpf_disabled")
    found = "needs root" + (f" (unprivileged_bpf_disabled is {disabled})" if disabled else "")
    helper = next((name for name in ("sudo", "doas") if host.which(name)), "")
    if helper:
        return Finding(RUN, "bpf()", OK, f"{found}: `make run` takes {helper}")
    return Finding(RUN, "bpf()", MISSING, f"{found}, and there is no sudo", host.as_root("make run"))


def check_lockdown(host: Host) -> Finding:
    """Does the kernel keep its memory from BPF programs?"""
    found = re.search(r"\[(\w+)\]", host.text("sys/kernel/security/lockdown"))
    mode = found[1] if found else ""
    if mode == "confidentiality":
        said = "confidentiality: the kernel's memory and its tracing are closed to root too"
        return Finding(RUN, "lockdown", MISSING, said, f"boot with lockdown=integrity; {IN_A_VM}")
    return Finding(RUN, "lockdown", OK, mode or "not seen")


def check_tracefs(host: Host, tracepoints: Collection[str]) -> Finding:
    """Is tracefs there, and in it the tracepoints, such as syscalls/sys_enter_write?"""
    place = _tracefs(host)
    if place:
        gone = [name for name in tracepoints if not os.path.isdir(host.file(f"{place}/events/{name}"))]
        if not gone:
            return Finding(RUN, "tracefs", OK, f"/{place}" + "".join(f", {name}" for name in tracepoints))
        found = f"/{place} has no tracepoint {', '.join(gone)}"
        mend = f"boot a kernel with CONFIG_FTRACE_SYSCALLS=y, or attach to another; see /{place}/available_events"
        return Finding(RUN, "tracefs", MISSING, found, mend)
    mounts = [each.split() for each in host.text("proc/self/mounts").splitlines()]
    mounted = [each[1] for each in mounts if each[2] == "tracefs" and each[1].lstrip("/") in TRACEFS]
    if mounted and os.geteuid():
        return Finding(RUN, "tracefs", OK, f"{mounted[-1]}, which root alone may look into")
    return Finding(RUN, "tracefs", MISSING, "not mounted: there are no tracepoints to attach to", host.as_root(MOUNT))


def check_tracing_on(host: Host) -> Finding:
    """Does the kernel write down what programs print?"""
    place = _tracefs(host)
    switch = f"/{place or TRACEFS[0]}/tracing_on"
    value = host.text(switch.lstrip("/"))
    if value == "0":
        mend = f"echo 1 | {host.as_root(f'tee {switch}')}"
        return Finding(RUN, "tracing_on", MISSING, "0: what a program prints with bpf_printk() goes nowhere", mend)
    if value:
        return Finding(RUN, "tracing_on", OK, value)
    if os.geteuid():
        return Finding(RUN, "tracing_on", WARNING, "only root may look; 1 is well", host.as_root(f"cat {switch}"))
    if place:
        return Finding(
            RUN, "tracing_on", WARNING, "root cannot read it either", "see lockdown: that may keep it closed"
        )
    return Finding(RUN, "tracing_on", WARNING, "not to be seen without tracefs", host.as_root(MOUNT))


def check_memlock() -> Finding:
    """Does a limit on locked memory keep programs and maps from being loaded?"""
    limit, _ = resource.getrlimit(resource.RLIMIT_MEMLOCK)
    said = "unlimited" if limit == resource.RLIM_INFINITY else f"{limit >> 10} KiB"
    if running_version() >= MEMLOCK_COUNTS_BEFORE:
        return Finding(RUN, "memlock", OK, f"{said}, which counts before Linux {_dotted(MEMLOCK_COUNTS_BEFORE)} only")
    if limit == resource.RLIM_INFINITY:
        return Finding(RUN, "memlock", OK, said)
    found = f"{said} for all BPF programs and maps; loaders raise it when they are root"
    return Finding(RUN, "memlock", WARNING, found, "ulimit -l unlimited")


def running_version() -> Version:
    """Return major and minor number of the running kernel."""
    numbers = re.match(r"(\d+)\.(\d+)", os.uname().release)
    return (int(numbers[1]), int(numbers[2])) if numbers else (0, 0)


def _dotted(version: Version) -> str:
    return ".".join(map(str, version))


def _tracefs(host: Host) -> str:
    """Return where tracefs is, as far as this process may see it; "" when it is nowhere."""
    return next((place for place in TRACEFS if os.path.isdir(host.file(f"{place}/events"))), "")
