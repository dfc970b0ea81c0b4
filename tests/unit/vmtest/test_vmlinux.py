# SPDX-License-Identifier: BSD-2-Clause
"""The kernel comes out of what is shipped, whatever it is compressed with."""

import bz2
import gzip
import lzma
import struct
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from scaffold.vmtest.vmlinux import DecompressionError, decompress, extract_vmlinux, has_pvh_entry

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


PACKERS = pytest.mark.parametrize(
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


@PACKERS
def test_each_compression(pack: Callable[[bytes], bytes], tmp_path: Path) -> None:
    packed = pack(KERNEL)
    size = struct.pack("<I", len(KERNEL))
    assert extract_vmlinux(bzimage(packed + size), tmp_path / "vmlinux")
    assert (tmp_path / "vmlinux").read_bytes() == KERNEL
    cut_short = bzimage(packed[: len(packed) // 2])
    assert not extract_vmlinux(cut_short, tmp_path / "other")
    assert not (tmp_path / "other").exists()


@PACKERS
def test_each_compression_in_an_efi_program(pack: Callable[[bytes], bytes], tmp_path: Path) -> None:
    packed = pack(KERNEL)
    head = struct.pack("<4s4sII", b"MZ\0\0", b"zimg", 0x1000, len(packed)).ljust(0x1000, b"\0")
    assert extract_vmlinux(head + packed + bytes(512), tmp_path / "vmlinux")
    assert (tmp_path / "vmlinux").read_bytes() == KERNEL
    assert not extract_vmlinux(head + packed[: len(packed) // 2], tmp_path / "other")


def test_a_kernel_that_is_just_compressed(tmp_path: Path) -> None:
    assert extract_vmlinux(gzip.compress(KERNEL), tmp_path / "vmlinux")
    assert (tmp_path / "vmlinux").read_bytes() == KERNEL


@pytest.mark.parametrize("data", [b"", b"\x1f\x8bdamaged", b"\x28\xb5\x2f\xfddamaged", b"PK\3\4" * 300])
def test_what_cannot_be_taken_out_is_left(data: bytes, tmp_path: Path) -> None:
    with pytest.raises(DecompressionError):
        b"".join(decompress(data))
    assert not extract_vmlinux(bzimage(data), tmp_path / "vmlinux")
    assert not extract_vmlinux(data, tmp_path / "vmlinux")
    assert not (tmp_path / "vmlinux").exists()


def test_pvh_note_is_found(tmp_path: Path) -> None:
    note = struct.pack("<III", 4, 4, 18) + b"Xen\0" + bytes(4)
    header = struct.pack("<IIQQQQQQ", 4, 4, 120, 0, 0, len(note), len(note), 4)
    elf = b"\x7fELF\2\1\1" + bytes(25) + struct.pack("<QQIHHHHHH", 64, 0, 0, 64, 56, 1, 0, 0, 0)
    kernel = tmp_path / "vmlinux"
    kernel.write_bytes(elf + header + note)
    assert has_pvh_entry(kernel)
    kernel.write_bytes(elf + header + note.replace(b"Xen", b"GNU"))
    assert not has_pvh_entry(kernel)
