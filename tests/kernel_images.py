# SPDX-License-Identifier: BSD-2-Clause
"""Kernel images for tests, and the check that the kernel inside of them can be extracted."""

import struct
from pathlib import Path

from scaffold.vmtest.vmlinux import extract_vmlinux

KERNEL = b"\x7fELF" + bytes(range(256)) * 40_000


def bzimage(payload: bytes) -> bytes:
    """Return a bzImage that contains `payload`."""
    header = bytearray(4096)
    header[0x1F1] = 4
    header[0x202:0x206] = b"HdrS"
    struct.pack_into("<II", header, 0x248, 4096 - 5 * 512, len(payload))
    return bytes(header) + payload


def zboot(payload: bytes) -> bytes:
    """Return an EFI program that contains `payload`."""
    header = struct.pack("<4s4sII", b"MZ\0\0", b"zimg", 0x1000, len(payload)).ljust(0x1000, b"\0")
    return header + payload + bytes(512)


def check_extraction(compressed: bytes, directory: Path) -> None:
    """Check that both kinds of images with the `compressed` KERNEL give it back, and that truncated ones fail."""
    half = compressed[: len(compressed) // 2]
    size = struct.pack("<I", len(KERNEL))  # the kernel's build appends it
    for name, complete, truncated in (
        ("bzimage", bzimage(compressed + size), bzimage(half)),
        ("zboot", zboot(compressed), zboot(compressed)[: 0x1000 + len(half)]),
    ):
        assert extract_vmlinux(complete, directory / name)
        assert (directory / name).read_bytes() == KERNEL
        assert not extract_vmlinux(truncated, directory / "truncated")
        assert not (directory / "truncated").exists()
