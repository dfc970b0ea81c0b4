# SPDX-License-Identifier: BSD-2-Clause
"""A kernel is extracted from its image, whatever the compression."""

import bz2
import gzip
import lzma
import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from scaffold.vmtest.vmlinux import (
    DecompressionError,
    ImageKind,
    decompress,
    extract_vmlinux,
    has_pvh_entry,
    image_kind,
)
from tests.kernel_images import KERNEL, bzimage, check_extraction, zboot

PVH_NOTE = struct.pack("<III", 4, 4, 18) + b"Xen\0" + bytes(4)


def vmlinux(note: bytes) -> bytes:
    """Return an ELF file with a PT_NOTE segment that contains `note`."""
    header = b"\x7fELF\2\1\1" + bytes(25) + struct.pack("<QQIHHHHHH", 64, 0, 0, 64, 56, 1, 0, 0, 0)
    return header + struct.pack("<IIQQQQQQ", 4, 4, 120, 0, 0, len(note), len(note), 4) + note


@pytest.mark.parametrize(
    "compress",
    [gzip.compress, bz2.compress, lzma.compress, lambda data: lzma.compress(data, format=lzma.FORMAT_ALONE)],
    ids=["gzip", "bzip2", "xz", "lzma"],
)
def test_extraction_by_compression(compress: Callable[[bytes], bytes], tmp_path: Path) -> None:
    check_extraction(compress(KERNEL), tmp_path)


def test_extraction_from_a_compressed_file(tmp_path: Path) -> None:
    assert extract_vmlinux(gzip.compress(KERNEL), tmp_path / "vmlinux")
    assert (tmp_path / "vmlinux").read_bytes() == KERNEL


@pytest.mark.parametrize("data", [b"", b"\x1f\x8bdamaged", b"\x28\xb5\x2f\xfddamaged", b"PK\3\4" * 300])
def test_damaged_data_gives_no_kernel(data: bytes, tmp_path: Path) -> None:
    with pytest.raises(DecompressionError):
        b"".join(decompress(data))
    assert not extract_vmlinux(bzimage(data), tmp_path / "vmlinux")
    assert not extract_vmlinux(data, tmp_path / "vmlinux")
    assert not (tmp_path / "vmlinux").exists()


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (bzimage(b""), ImageKind.BZIMAGE),
        (vmlinux(PVH_NOTE), ImageKind.VMLINUX),
        (bytes(0x38) + b"ARM\x64", ImageKind.ARM64),
        (zboot(b""), ImageKind.ZBOOT),
        (gzip.compress(b""), ImageKind.GZIP),
        (b"#!/bin/sh\n", None),
        (b"", None),
    ],
    ids=["bzImage", "vmlinux", "arm64", "zboot", "gzip", "script", "empty"],
)
def test_kind_of_an_image(data: bytes, kind: ImageKind | None) -> None:
    assert image_kind(data) == kind


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (vmlinux(PVH_NOTE), True),
        (vmlinux(struct.pack("<III", 4, 20, 3) + b"GNU\0" + bytes(20) + PVH_NOTE), True),
        (vmlinux(PVH_NOTE.replace(b"Xen", b"GNU")), False),
        (b"no ELF file", False),
    ],
    ids=["note", "second note", "other note", "no ELF file"],
)
def test_pvh_entry(data: bytes, expected: bool, tmp_path: Path) -> None:
    (tmp_path / "vmlinux").write_bytes(data)
    assert has_pvh_entry(tmp_path / "vmlinux") is expected
