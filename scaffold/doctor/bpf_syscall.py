# SPDX-License-Identifier: BSD-2-Clause
"""Load a BPF program by the system call itself, to learn whether this process has the permission.

Sources: bpf(2); <linux/bpf.h>; <asm/unistd.h>.
"""

import ctypes
import errno
import os
import platform
import struct

BPF_SYSCALL_NUMBERS = {"x86_64": 321, "aarch64": 280, "riscv64": 280, "loongarch64": 280, "ppc64le": 361, "s390x": 351}
BPF_PROG_LOAD = 5
BPF_PROG_TYPE_TRACEPOINT = 5
# Linux 4.8 knows 48 bytes. Any kernel accepts more, as long as the rest is zero.
ATTRIBUTES_BYTES = 128
# r0 = 0; exit
PROGRAM = struct.pack("<BBhi BBhi", 0xB7, 0, 0, 0, 0x95, 0, 0, 0)


def try_program_load() -> int | None:
    """Load a BPF program that does nothing, and unload it.

    Returns 0 after success, otherwise an error number of errno.h: EPERM if this process has no permission, ENOSYS
    if the kernel does not have bpf(). Returns None if the number of the system call on this processor is unknown.
    """
    number = BPF_SYSCALL_NUMBERS.get(platform.machine())
    if number is None:
        return None
    program, licence = ctypes.create_string_buffer(PROGRAM), ctypes.create_string_buffer(b"GPL")
    fields = struct.pack(
        "=IIQQ", BPF_PROG_TYPE_TRACEPOINT, len(PROGRAM) // 8, ctypes.addressof(program), ctypes.addressof(licence)
    )
    attributes = ctypes.create_string_buffer(fields, ATTRIBUTES_BYTES)
    libc = ctypes.CDLL(None, use_errno=True)
    descriptor = libc.syscall(ctypes.c_long(number), BPF_PROG_LOAD, attributes, ctypes.c_uint(ATTRIBUTES_BYTES))
    if descriptor < 0:
        return ctypes.get_errno() or errno.EINVAL
    os.close(descriptor)
    return 0
