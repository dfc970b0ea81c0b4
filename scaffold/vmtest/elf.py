# SPDX-License-Identifier: BSD-2-Clause
"""What an ELF file says about the machine that it runs on and the libraries that it loads.

Source: elf(5), the 64-bit little-endian form.
"""

import struct
from collections.abc import Iterator

MAGIC = b"\x7fELF"
PT_LOAD, PT_DYNAMIC, PT_INTERP = 1, 2, 3
DT_NEEDED, DT_STRTAB = 1, 5


def is_elf(data: bytes) -> bool:
    """Say whether `data` is an ELF file of the 64-bit little-endian form."""
    return data[:6] == MAGIC + b"\x02\x01"


def machine(data: bytes) -> int:
    """Return the number of the machine that an ELF file is for (e_machine)."""
    return int.from_bytes(data[18:20], "little")


def interpreter(data: bytes) -> str | None:
    """Return the path of the program that loads the ELF file `data`, and None for a static one."""
    for kind, offset, _, size in _segments(data):
        if kind == PT_INTERP:
            return data[offset : offset + size].rstrip(b"\0").decode()
    return None


def needed(data: bytes) -> list[str]:
    """Return the names of the libraries that the ELF file `data` asks for itself."""
    segments = list(_segments(data))
    names, table = [], 0
    for kind, offset, _, size in segments:
        if kind != PT_DYNAMIC:
            continue
        for tag, value in struct.iter_unpack("<qQ", data[offset : offset + size // 16 * 16]):
            if tag == DT_NEEDED:
                names.append(value)
            elif tag == DT_STRTAB:
                table = value
    for kind, offset, address, size in segments:
        if kind == PT_LOAD and address <= table < address + size:
            strings = offset + table - address
            return [data[strings + name :].partition(b"\0")[0].decode() for name in names]
    return []


def _segments(data: bytes) -> Iterator[tuple[int, int, int, int]]:
    """Yield type, offset, address and size in the file of each segment."""
    if not is_elf(data):
        return
    (first,) = struct.unpack_from("<Q", data, 32)
    length, count = struct.unpack_from("<HH", data, 54)
    for index in range(count):
        kind, _, offset, address, _, size = struct.unpack_from("<IIQQQQ", data, first + index * length)
        yield kind, offset, address, size
