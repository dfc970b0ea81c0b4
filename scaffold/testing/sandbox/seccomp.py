# SPDX-License-Identifier: BSD-2-Clause
"""A filter of system calls that reach what namespaces do not isolate.

These are keyrings, BPF, sockets to the host of a virtual machine, and user namespaces, in which any user is root.

Sources: the kernel's Documentation/userspace-api/seccomp_filter.rst; the numbers of system calls are in <asm/unistd.h>.
"""

import errno
import platform
import socket
import struct
from collections.abc import Iterator

LOAD, EQUAL, AT_LEAST, ANY_BIT, RETURN = 0x20, 0x15, 0x35, 0x45, 0x06  # opcodes: <linux/bpf_common.h>
NUMBER, MACHINE, FIRST_ARGUMENT = 0, 4, 16  # offsets in struct seccomp_data
ALLOW, REFUSE = 0x7FFF0000, 0x00050000  # SECCOMP_RET_ALLOW, SECCOMP_RET_ERRNO
CLONE_NEWUSER = 0x10000000
X32_SYSCALL_BIT = 0x40000000
ALLOWED_FAMILIES = (socket.AF_UNIX, socket.AF_INET, socket.AF_INET6, socket.AF_NETLINK)
# Programs work without these if the kernel reports them as missing. A filter cannot see the flags of clone3.
UNIMPLEMENTED = {"io_uring_setup": 425, "io_uring_enter": 426, "io_uring_register": 427, "clone3": 435}
MACHINES = {  # AUDIT_ARCH_..., and the numbers of system calls
    "x86_64": (0xC000003E, {
        "add_key": 248, "request_key": 249, "keyctl": 250, "bpf": 321, "perf_event_open": 298, "userfaultfd": 323,
        "clone": 56, "unshare": 272, "socket": 41,
    }),
    "aarch64": (0xC00000B7, {
        "add_key": 217, "request_key": 218, "keyctl": 219, "bpf": 280, "perf_event_open": 241, "userfaultfd": 282,
        "clone": 220, "unshare": 97, "socket": 198,
    }),
}  # fmt: skip
FILTERED_BY_ARGUMENT = ("clone", "unshare", "socket")


def filter_program() -> bytes | None:
    """Return the filter for this machine as bubblewrap's --seccomp expects it, or None for an unknown architecture."""
    machine = MACHINES.get(platform.machine())
    return b"".join(_program(*machine)) if machine else None


def _program(machine: int, calls: dict[str, int]) -> Iterator[bytes]:
    yield _instruction(LOAD, MACHINE)
    yield _instruction(EQUAL, machine, 1, 0)
    yield _refuse(errno.ENOSYS)
    yield _instruction(LOAD, NUMBER)
    yield _instruction(AT_LEAST, X32_SYSCALL_BIT, 0, 1)
    yield _refuse(errno.ENOSYS)
    refused = [(number, errno.ENOSYS) for number in UNIMPLEMENTED.values()]
    refused += [(number, errno.EPERM) for name, number in calls.items() if name not in FILTERED_BY_ARGUMENT]
    for number, error in refused:
        yield _instruction(EQUAL, number, 0, 1)
        yield _refuse(error)
    for name in ("clone", "unshare"):
        yield _instruction(EQUAL, calls[name], 0, 4)
        yield _instruction(LOAD, FIRST_ARGUMENT)
        yield _instruction(ANY_BIT, CLONE_NEWUSER, 0, 1)
        yield _refuse(errno.EPERM)
        yield _instruction(RETURN, ALLOW)
    yield _instruction(EQUAL, calls["socket"], 0, len(ALLOWED_FAMILIES) + 2)
    yield _instruction(LOAD, FIRST_ARGUMENT)
    for remaining, family in zip(range(len(ALLOWED_FAMILIES), 0, -1), ALLOWED_FAMILIES, strict=True):
        yield _instruction(EQUAL, family, remaining, 0)
    yield _refuse(errno.EAFNOSUPPORT)
    yield _instruction(RETURN, ALLOW)


def _refuse(error: int) -> bytes:
    return _instruction(RETURN, REFUSE | error)


def _instruction(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("=HBBI", code, if_true, if_false, value)
