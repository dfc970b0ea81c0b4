# SPDX-License-Identifier: BSD-2-Clause
"""The ELF kernel comes out of a bzImage, whatever it is compressed with."""

import bz2
import gzip
import lzma
import struct
import subprocess

import pytest

from scaffold.vmtest.vmlinux import decompress, extract_vmlinux, has_pvh_entry

KERNEL = b"\x7fELF" + bytes(range(256)) * 40_000


def compressed(program: str, data: bytes) -> bytes:
    options = ["-l"] if program == "lz4" else []
    return subprocess.run([program, "-c", *options], input=data, stdout=subprocess.PIPE, check=True).stdout


def bzimage(payload: bytes) -> bytes:
    head = bytearray(4096)
    head[0x1F1] = 4
    head[0x202:0x206] = b"HdrS"
    struct.pack_into("<II", head, 0x248, 4096 - 5 * 512, len(payload))
    return bytes(head) + payload


@pytest.mark.parametrize(
    "pack",
    [
        gzip.compress,
        bz2.compress,
        lzma.compress,
        lambda data: lzma.compress(data, format=lzma.FORMAT_ALONE),
        lambda data: compressed("lz4", data),
        lambda data: compressed("zstd", data),
    ],
    ids=["gzip", "bzip2", "xz", "lzma", "lz4", "zstd"],
)
def test_each_compression(pack) -> None:  # type: ignore[no-untyped-def]
    trailer = struct.pack("<I", len(KERNEL))
    assert extract_vmlinux(bzimage(pack(KERNEL) + trailer)) == KERNEL


@pytest.mark.parametrize("data", [b"", b"\x1f\x8bdamaged", b"\x28\xb5\x2f\xfddamaged", b"PK\3\4" * 300])
def test_what_cannot_be_taken_out_is_left(data: bytes) -> None:
    assert decompress(data) is None
    assert extract_vmlinux(bzimage(data)) is None


def test_pvh_note_is_found() -> None:
    note = struct.pack("<III", 4, 4, 18) + b"Xen\0" + bytes(4)
    header = struct.pack("<IIQQQQQQ", 4, 4, 120, 0, 0, len(note), len(note), 4)
    elf = b"\x7fELF\2\1\1" + bytes(25) + struct.pack("<QQIHHHHHH", 64, 0, 0, 64, 56, 1, 0, 0, 0)
    assert has_pvh_entry(elf + header + note)
    assert not has_pvh_entry(elf + header + note.replace(b"Xen", b"GNU"))
