# SPDX-License-Identifier: BSD-2-Clause
"""Read ELF files: the machine, the program headers, the libraries and the notes.

Source: elf(5), the 64-bit little-endian form.
"""

import mmap
import struct
from collections.abc import Iterator
from dataclasses import dataclass

MAGIC = b"\x7fELF"
PT_LOAD, PT_DYNAMIC, PT_INTERP, PT_NOTE = 1, 2, 3, 4
DT_NEEDED, DT_STRTAB = 1, 5
Data = bytes | mmap.mmap


@dataclass(frozen=True)
class Segment:
    """One program header: `offset` and `size` are those in the file, in bytes."""

    type: int
    offset: int
    address: int
    size: int


@dataclass(frozen=True)
class Note:
    """One entry of a PT_NOTE segment; `name` without the null byte at its end."""

    name: bytes
    type: int


def is_elf(data: Data) -> bool:
    """Return whether `data` begins like a 64-bit little-endian ELF file."""
    return data[:6] == MAGIC + b"\x02\x01"


def machine(data: Data) -> int:
    """Return the number of the machine that an ELF file is for (e_machine)."""
    return int.from_bytes(data[18:20], "little")


def interpreter(data: Data) -> str | None:
    """Return the path of the program that loads the ELF file `data`; None if it is static."""
    for segment in segments(data):
        if segment.type == PT_INTERP:
            return data[segment.offset : segment.offset + segment.size].rstrip(b"\0").decode()
    return None


def needed_libraries(data: Data) -> list[str]:
    """Return the names of the libraries that the ELF file `data` itself needs (DT_NEEDED)."""
    names, table = [], 0
    for segment in segments(data):
        if segment.type != PT_DYNAMIC:
            continue
        size = segment.size // 16 * 16
        for tag, value in struct.iter_unpack("<qQ", data[segment.offset : segment.offset + size]):
            if tag == DT_NEEDED:
                names.append(value)
            elif tag == DT_STRTAB:
                table = value
    for segment in segments(data):
        if segment.type == PT_LOAD and segment.address <= table < segment.address + segment.size:
            strings = segment.offset + table - segment.address
            return [data[strings + name :].partition(b"\0")[0].decode() for name in names]
    return []


def notes(data: Data) -> Iterator[Note]:
    """Yield the notes of the ELF file `data`."""
    for segment in segments(data):
        if segment.type != PT_NOTE:
            continue
        content = data[segment.offset : segment.offset + segment.size]
        position = 0
        while position + 12 <= len(content):
            name_size, value_size, kind = struct.unpack_from("<III", content, position)
            yield Note(content[position + 12 : position + 12 + name_size].rstrip(b"\0"), kind)
            position += 12 + (name_size + 3) // 4 * 4 + (value_size + 3) // 4 * 4


def segments(data: Data) -> Iterator[Segment]:
    """Yield the program headers of `data`; none if it is not an ELF file."""
    if not is_elf(data):
        return
    (first,) = struct.unpack_from("<Q", data, 32)
    length, count = struct.unpack_from("<HH", data, 54)
    for index in range(count):
        kind, _, offset, address, _, size = struct.unpack_from("<IIQQQQ", data, first + index * length)
        yield Segment(kind, offset, address, size)
