# SPDX-License-Identifier: BSD-2-Clause
"""A program for the guest that counts the BPF programs that the kernel holds.

Busybox cannot make the bpf() call, and the guest has no bpftool, so this is the whole program as an
ELF file of under 250 bytes. It ends with the count as its status; 255: the kernel would not tell.

Source: bpf(2), BPF_PROG_GET_NEXT_ID (command 11; attr: start_id, next_id, open_flags).
"""

import struct

LOAD_ADDRESS = 0x400000
CANNOT_COUNT = 255
CODE = bytes.fromhex(
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
)  # fmt: skip


def count_program() -> bytes:
    """Return the ELF file, for x86_64."""
    size = 64 + 56 + len(CODE)
    entry = LOAD_ADDRESS + 64 + 56
    header = b"\x7fELF\x02\x01\x01" + bytes(9)
    header += struct.pack("<HHIQQQIHHHHHH", 2, 62, 1, entry, 64, 0, 0, 64, 56, 1, 0, 0, 0)
    segment = struct.pack("<IIQQQQQQ", 1, 5, 0, LOAD_ADDRESS, LOAD_ADDRESS, size, size, 4096)
    return header + segment + CODE
