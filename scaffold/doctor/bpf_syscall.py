# SPDX-License-Identifier: BSD-2-Clause
"""Asks the kernel itself whether this process may load a BPF program.

Sources: bpf(2); <linux/bpf.h>; <asm/unistd.h>.
"""

import ctypes
import errno
import os
import platform
import struct

CALL_NUMBERS = {"x86_64": 321, "aarch64": 280, "riscv64": 280, "loongarch64": 280, "ppc64le": 361, "s390x": 351}
BPF_PROG_LOAD = 5
BPF_PROG_TYPE_TRACEPOINT = 5
ATTRIBUTES_SIZE = 128  # as of Linux 4.8 the kernel takes 48; what lies beyond is zero, which it accepts
# r0 = 0; exit
PROGRAM = struct.pack("<BBhi BBhi", 0xB7, 0, 0, 0, 0x95, 0, 0, 0)


def load_error() -> int | None:
    """Load a BPF program that does nothing, and let it go; return 0, or the error. None: not known how to here.

    An error of errno.h: EPERM when this process may not, ENOSYS when the kernel has no bpf().
    """
    number = CALL_NUMBERS.get(platform.machine())
    if number is None:
        return None
    program, licence = ctypes.create_string_buffer(PROGRAM), ctypes.create_string_buffer(b"GPL")
    fields = struct.pack(
        "=IIQQ", BPF_PROG_TYPE_TRACEPOINT, len(PROGRAM) // 8, ctypes.addressof(program), ctypes.addressof(licence)
    )
    attributes = ctypes.create_string_buffer(fields, ATTRIBUTES_SIZE)
    libc = ctypes.CDLL(None, use_errno=True)
    descriptor = libc.syscall(ctypes.c_long(number), BPF_PROG_LOAD, attributes, ctypes.c_uint(ATTRIBUTES_SIZE))
    if descriptor < 0:
        return ctypes.get_errno() or errno.EINVAL
    os.close(descriptor)
    return 0
