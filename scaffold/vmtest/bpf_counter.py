# SPDX-License-Identifier: BSD-2-Clause
"""A program for the guest that counts the loaded BPF programs.

The guest has no bpftool, and busybox cannot call bpf(). So this module contains a whole program, as an ELF file of
less than 250 bytes. Its exit status is the count; 255: the kernel does not report the count.

Source: bpf(2), BPF_PROG_GET_NEXT_ID (command 11; attr: start_id, next_id, open_flags).
"""

import struct

from . import elf
from .architecture import Architecture

LOAD_ADDRESS = 0x400000
ELF_HEADER_BYTES, PROGRAM_HEADER_BYTES = 64, 56
COUNT_UNAVAILABLE = 255
MACHINE_CODE = {
    "amd64": bytes.fromhex(
        "31db"          # xor ebx, ebx           the count
        "6a00 6a00"     # push 0; push 0         attr, all zero
        "b841010000"    # next: mov eax, 321     bpf(
        "bf0b000000"    # mov edi, 11              BPF_PROG_GET_NEXT_ID,
        "4889e6"        # mov rsi, rsp             &attr,
        "ba0c000000"    # mov edx, 12              12)
        "0f05"          # syscall
        "85c0 750b"     # test eax, eax; jnz end
        "ffc3"          # inc ebx
        "8b442404"      # mov eax, [rsp + 4]     attr.start_id = attr.next_id
        "890424"        # mov [rsp], eax
        "ebdd"          # jmp next
        "83f8fe 7405"   # end: cmp eax, -ENOENT; je exit
        "bbff000000"    # mov ebx, 255
        "89df"          # exit: mov edi, ebx
        "b83c000000"    # mov eax, 60            exit(count)
        "0f05"          # syscall
    ),
    "arm64": bytes.fromhex(
        "f4031faa"      # mov x20, xzr           the count
        "ff4300d1"      # sub sp, sp, #16
        "ff7f00a9"      # stp xzr, xzr, [sp]     attr, all zero
        "082380d2"      # next: mov x8, #280     bpf(
        "600180d2"      # mov x0, #11              BPF_PROG_GET_NEXT_ID,
        "e1030091"      # mov x1, sp               &attr,
        "820180d2"      # mov x2, #12              12)
        "010000d4"      # svc #0
        "a00000b5"      # cbnz x0, end
        "94060091"      # add x20, x20, #1
        "e00740b9"      # ldr w0, [sp, #4]       attr.start_id = attr.next_id
        "e00300b9"      # str w0, [sp]
        "f7ffff17"      # b next
        "1f0800b1"      # end: cmn x0, #2        -ENOENT
        "40000054"      # b.eq exit
        "f41f80d2"      # mov x20, #255
        "e00314aa"      # exit: mov x0, x20
        "a80b80d2"      # mov x8, #93            exit(count)
        "010000d4"      # svc #0
    ),
}  # fmt: skip


def counter_program(architecture: Architecture) -> bytes:
    """Return the program as an ELF file for guests of `architecture`."""
    code = MACHINE_CODE[architecture.name]
    code_offset = ELF_HEADER_BYTES + PROGRAM_HEADER_BYTES
    size = code_offset + len(code)
    header = elf.MAGIC + b"\x02\x01\x01" + bytes(9)
    header += struct.pack(
        "<HHIQQQIHHHHHH", 2, architecture.elf_machine, 1, LOAD_ADDRESS + code_offset, ELF_HEADER_BYTES, 0, 0,
        ELF_HEADER_BYTES, PROGRAM_HEADER_BYTES, 1, 0, 0, 0,
    )  # fmt: skip
    segment = struct.pack("<IIQQQQQQ", elf.PT_LOAD, 5, 0, LOAD_ADDRESS, LOAD_ADDRESS, size, size, 4096)
    return header + segment + code
