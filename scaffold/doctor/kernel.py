# SPDX-License-Identifier: BSD-2-Clause
"""Checks of the running kernel: it can load and attach BPF programs, and their output can be read.

Sources: kernel-versions.md of BCC for FEATURES; Documentation/admin-guide/sysctl/kernel.rst for
unprivileged_bpf_disabled; kernel_lockdown(7).
"""

import errno
import os
import re
import resource
from collections.abc import Collection

from .bpf_syscall import try_program_load
from .finding import Finding, Purpose, Status
from .host import CAP_BPF, CAP_PERFMON, CAP_SYS_ADMIN, Host

Version = tuple[int, int]
MIN_VERSION: Version = (4, 8)
RECOMMENDED_VERSION: Version = (5, 15)
# Older kernels count the memory of BPF programs and maps as locked memory.
MEMCG_VERSION: Version = (5, 11)
# Features by the version that introduced them.
FEATURES: tuple[tuple[Version, str], ...] = (
    ((5, 2), "global variables, which the programs of ebpf-new use"),
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
VM_HINT = "`make test` does not need this, because it boots its own kernel"


def check_kernel() -> Finding:
    """Check the version of the kernel, and name the features that it lacks."""
    release = os.uname().release
    version = running_version()
    lacks = ", ".join(feature for since, feature in FEATURES if version < since)
    fix = f"boot Linux {_dotted(RECOMMENDED_VERSION)} or newer, preferably 6.2 or newer; {VM_HINT}"
    if version < MIN_VERSION:
        found = f"{release} is older than {_dotted(MIN_VERSION)} and lacks {lacks}"
        return Finding(Purpose.RUN, "kernel", Status.MISSING, found, fix)
    if version < RECOMMENDED_VERSION:
        found = f"{release} lacks {lacks}, unless the distribution has backported them"
        return Finding(Purpose.RUN, "kernel", Status.WARNING, found, fix)
    return Finding(Purpose.RUN, "kernel", Status.OK, release)


def check_btf(host: Host) -> Finding:
    """Check that the kernel describes its own types."""
    types = host.file("sys/kernel/btf/vmlinux")
    if os.path.exists(types):
        return Finding(Purpose.RUN, "BTF", Status.OK, f"/sys/kernel/btf/vmlinux, {types.stat().st_size / 1e6:.1f} MB")
    found = (
        "/sys/kernel/btf/vmlinux does not exist: ecli, and programs that read kernel structures (CO-RE), cannot load"
    )
    fix = f"boot a kernel with CONFIG_DEBUG_INFO_BTF=y; {VM_HINT}"
    return Finding(Purpose.RUN, "BTF", Status.MISSING, found, fix)


def check_bpf(host: Host) -> Finding:
    """Check that this process can load a BPF program, by loading one."""
    error = try_program_load()
    if error == 0:
        return Finding(Purpose.RUN, "bpf()", Status.OK, "a program that does nothing was loaded and unloaded")
    if error == errno.ENOSYS:
        fix = f"boot a kernel with CONFIG_BPF_SYSCALL=y; {VM_HINT}"
        return Finding(Purpose.RUN, "bpf()", Status.MISSING, "the kernel does not have this system call", fix)
    has_capabilities = host.has_capability(CAP_SYS_ADMIN) or (
        host.has_capability(CAP_BPF) and host.has_capability(CAP_PERFMON)
    )
    if error is None:
        found = "cannot be tested on this processor; this process "
        if has_capabilities:
            return Finding(Purpose.RUN, "bpf()", Status.OK, f"{found}has the capabilities")
        return Finding(
            Purpose.RUN, "bpf()", Status.WARNING, f"{found}does not have the capabilities", host.as_root("make run")
        )
    if not has_capabilities and host.can_become_root():
        return _needs_root(host)
    found, fix = _why_not_even_root(host, os.strerror(error), has_capabilities)
    return Finding(Purpose.RUN, "bpf()", Status.MISSING, found, fix)


def _needs_root(host: Host) -> Finding:
    disabled = host.read_text("proc/sys/kernel/unprivileged_bpf_disabled")
    found = "needs root" + (f" (unprivileged_bpf_disabled is {disabled})" if disabled else "")
    if helper := host.root_helper():
        return Finding(Purpose.RUN, "bpf()", Status.OK, f"{found}: `make run` uses {helper}")
    found = f"{found}, but sudo is missing"
    return Finding(Purpose.RUN, "bpf()", Status.MISSING, found, host.as_root("make run"))


def _why_not_even_root(host: Host, reason: str, has_capabilities: bool) -> tuple[str, str]:
    """Return the cause of an error of bpf() that becoming root does not fix, and what fixes it."""
    if host.is_in_user_namespace():
        found = f"{reason}: in a user namespace root does not have the permissions of the real root"
        return found, f"leave the namespace or rootless container; {VM_HINT}"
    if not has_capabilities:
        is_barred = host.process_status("NoNewPrivs") == "1"
        cause = "no_new_privs is set" if is_barred else "the container does not have CAP_SYS_ADMIN"
        fix = f"start the container with --privileged, or --cap-add BPF --cap-add PERFMON; {VM_HINT}"
        return f"{reason}, and sudo cannot help: {cause}", fix
    if running_version() < MEMCG_VERSION:
        return f"{reason} despite the capabilities: the limit on locked memory is reached", "ulimit -l unlimited"
    found = f"{reason} despite the capabilities: a seccomp filter or a Linux security module blocks it"
    return found, f"in a container: --security-opt seccomp=unconfined; {VM_HINT}"


def check_lockdown(host: Host) -> Finding:
    """Check that the kernel lets root read its memory and trace it."""
    match = re.search(r"\[(\w+)\]", host.read_text("sys/kernel/security/lockdown"))
    mode = match[1] if match else ""
    if mode == "confidentiality":
        found = "confidentiality: even root cannot read kernel memory or trace the kernel"
        fix = f"boot with lockdown=integrity; {VM_HINT}"
        return Finding(Purpose.RUN, "lockdown", Status.MISSING, found, fix)
    return Finding(Purpose.RUN, "lockdown", Status.OK, mode or "not reported by the kernel")


def check_tracefs(host: Host, tracepoints: Collection[str]) -> Finding:
    """Check that tracefs is mounted and contains `tracepoints`, such as syscalls/sys_enter_write."""
    tracefs = _readable_tracefs(host)
    if tracefs:
        unknown = [name for name in tracepoints if not os.path.isdir(host.file(f"{tracefs}/events/{name}"))]
        if not unknown:
            return Finding(Purpose.RUN, "tracefs", Status.OK, ", ".join([f"/{tracefs}", *tracepoints]))
        found = f"/{tracefs} does not have the tracepoint {', '.join(unknown)}"
        fix = f"boot a kernel with CONFIG_FTRACE_SYSCALLS=y, or attach to another of /{tracefs}/available_events"
        return Finding(Purpose.RUN, "tracefs", Status.MISSING, found, fix)
    mounts = [line.split() for line in host.read_text("proc/self/mounts").splitlines()]
    mounted = [fields[1] for fields in mounts if fields[2] == "tracefs" and fields[1].lstrip("/") in TRACEFS]
    if mounted and os.geteuid():
        return Finding(Purpose.RUN, "tracefs", Status.OK, f"{mounted[-1]}, which only root can read")
    found = "not mounted: programs cannot attach to tracepoints"
    return Finding(Purpose.RUN, "tracefs", Status.MISSING, found, host.as_root(MOUNT))


def check_tracing_on(host: Host) -> Finding:
    """Check that the kernel records the output of programs."""
    tracefs = _readable_tracefs(host)
    switch = f"/{tracefs or TRACEFS[0]}/tracing_on"
    value = host.read_text(switch.lstrip("/"))
    if value == "0":
        fix = f"echo 1 | {host.as_root(f'tee {switch}')}"
        return Finding(Purpose.RUN, "tracing_on", Status.MISSING, "0: the output of bpf_printk() is lost", fix)
    if value:
        return Finding(Purpose.RUN, "tracing_on", Status.OK, value)
    if os.geteuid():
        found, fix = "only root can read it; it must be 1", host.as_root(f"cat {switch}")
    elif tracefs:
        found, fix = "even root cannot read it", "look at the finding lockdown, which can be the cause"
    else:
        found, fix = "cannot be read, because tracefs is not mounted", host.as_root(MOUNT)
    return Finding(Purpose.RUN, "tracing_on", Status.WARNING, found, fix)


def check_memlock() -> Finding:
    """Check that the limit on locked memory lets programs and maps be loaded."""
    limit, _ = resource.getrlimit(resource.RLIMIT_MEMLOCK)
    text = "unlimited" if limit == resource.RLIM_INFINITY else f"{limit >> 10} KiB"
    if running_version() >= MEMCG_VERSION:
        found = f"{text}, which limits BPF only before Linux {_dotted(MEMCG_VERSION)}"
        return Finding(Purpose.RUN, "memlock", Status.OK, found)
    if limit == resource.RLIM_INFINITY:
        return Finding(Purpose.RUN, "memlock", Status.OK, text)
    found = f"{text} for all BPF programs and maps; loaders raise the limit if they are root"
    return Finding(Purpose.RUN, "memlock", Status.WARNING, found, "ulimit -l unlimited")


def running_version() -> Version:
    """Return the major and minor number of the running kernel."""
    numbers = re.match(r"(\d+)\.(\d+)", os.uname().release)
    return (int(numbers[1]), int(numbers[2])) if numbers else (0, 0)


def _dotted(version: Version) -> str:
    return ".".join(map(str, version))


def _readable_tracefs(host: Host) -> str:
    """Return the mount point of tracefs without its first slash; "" if this process cannot find or read it."""
    return next((mount_point for mount_point in TRACEFS if os.path.isdir(host.file(f"{mount_point}/events"))), "")
