# SPDX-License-Identifier: BSD-2-Clause
"""A filter of system calls, for what no namespace covers: keyrings, the sockets of a virtual machine's host, and the
namespaces in which anybody is root.

Source: Linux Documentation/userspace-api/seccomp_filter.rst; the numbers are those of <asm/unistd.h>.
"""

import errno
import platform
import socket
import struct
from collections.abc import Iterator

LOAD, EQUAL, AT_LEAST, ANY_BIT, RETURN = 0x20, 0x15, 0x35, 0x45, 0x06  # <linux/bpf_common.h>
NUMBER, MACHINE, FIRST_ARGUMENT = 0, 4, 16  # offsets in struct seccomp_data
ALLOW, REFUSE = 0x7FFF0000, 0x00050000
NEW_USER = 0x10000000  # CLONE_NEWUSER
X32 = 0x40000000
FAMILIES = (socket.AF_UNIX, socket.AF_INET, socket.AF_INET6, socket.AF_NETLINK)
# Whoever finds these missing does without: libc takes clone for clone3, whose flags no filter sees.
MISSING = {"io_uring_setup": 425, "io_uring_enter": 426, "io_uring_register": 427, "clone3": 435}
MACHINES = {
    "x86_64": (0xC000003E, {
        "add_key": 248, "request_key": 249, "keyctl": 250, "bpf": 321, "perf_event_open": 298, "userfaultfd": 323,
        "clone": 56, "unshare": 272, "socket": 41,
    }),
    "aarch64": (0xC00000B7, {
        "add_key": 217, "request_key": 218, "keyctl": 219, "bpf": 280, "perf_event_open": 241, "userfaultfd": 282,
        "clone": 220, "unshare": 97, "socket": 198,
    }),
}  # fmt: skip
LOOKED_AT = ("clone", "unshare", "socket")


def filter_program() -> bytes | None:
    """Return the filter for this machine as bubblewrap takes it, and None for a machine whose calls are not known."""
    known = MACHINES.get(platform.machine())
    return b"".join(_program(*known)) if known else None


def _program(machine: int, calls: dict[str, int]) -> Iterator[bytes]:
    yield _step(LOAD, MACHINE)
    yield _step(EQUAL, machine, 1, 0)
    yield _refuse(errno.ENOSYS)
    yield _step(LOAD, NUMBER)
    yield _step(AT_LEAST, X32, 0, 1)
    yield _refuse(errno.ENOSYS)
    refused = [(number, errno.ENOSYS) for number in MISSING.values()]
    refused += [(number, errno.EPERM) for name, number in calls.items() if name not in LOOKED_AT]
    for number, error in refused:
        yield _step(EQUAL, number, 0, 1)
        yield _refuse(error)
    for name in ("clone", "unshare"):
        yield _step(EQUAL, calls[name], 0, 4)
        yield _step(LOAD, FIRST_ARGUMENT)
        yield _step(ANY_BIT, NEW_USER, 0, 1)
        yield _refuse(errno.EPERM)
        yield _step(RETURN, ALLOW)
    yield _step(EQUAL, calls["socket"], 0, len(FAMILIES) + 2)
    yield _step(LOAD, FIRST_ARGUMENT)
    for left, family in zip(range(len(FAMILIES), 0, -1), FAMILIES, strict=True):
        yield _step(EQUAL, family, left, 0)
    yield _refuse(errno.EAFNOSUPPORT)
    yield _step(RETURN, ALLOW)


def _refuse(error: int) -> bytes:
    return _step(RETURN, REFUSE | error)


def _step(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("=HBBI", code, if_true, if_false, value)
