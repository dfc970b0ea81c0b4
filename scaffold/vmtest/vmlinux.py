# SPDX-License-Identifier: BSD-2-Clause
"""Extract the kernel from the image that a distribution ships, so that QEMU can start it directly.

On amd64 that is the ELF file in a bzImage, which QEMU starts through PVH; on arm64 the Image in a gzip file or in an
EFI program. A guest that does not have to decompress its kernel boots in two thirds of the time. If a kernel cannot be
extracted (unknown compression, no PVH note), the caller boots the shipped image.

Sources: Linux Documentation/arch/x86/boot.rst (payload_offset, payload_length), Documentation/arch/arm64/booting.rst,
drivers/firmware/efi/libstub/zboot-header.S; include/xen/interface/elfnote.h (XEN_ELFNOTE_PHYS32_ENTRY).
"""

import bz2
import ctypes
import lzma
import mmap
import struct
import zlib
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from . import elf

PHYS32_ENTRY = 18
CHUNK_BYTES = 1 << 20
LZ4_BLOCK_BYTES = 8 << 20
SECTOR_BYTES = 512
DEFAULT_SETUP_SECTORS = 4


class DecompressionError(ValueError):
    """The data is damaged, or its compression is unknown."""


class ImageKind(StrEnum):
    """The formats of kernel images, by the names that the kernel's build gives them."""

    BZIMAGE = "bzImage"
    VMLINUX = "vmlinux"  # an ELF file
    ARM64 = "Image"
    ZBOOT = "vmlinuz.efi"  # an EFI program that contains a compressed kernel
    GZIP = "Image.gz"


def image_kind(data: bytes) -> ImageKind | None:
    """Return the format of the kernel image `data`, of which 1 KiB is enough; None if it is unknown."""
    if data[0x202:0x206] == b"HdrS":
        return ImageKind.BZIMAGE
    if elf.is_elf(data):
        return ImageKind.VMLINUX
    if data[0x38:0x3C] == b"ARM\x64":
        return ImageKind.ARM64
    if data[:2] == b"MZ" and data[4:8] == b"zimg":
        return ImageKind.ZBOOT
    return ImageKind.GZIP if data[:2] == b"\x1f\x8b" else None


def bzimage_release(data: bytes) -> str:
    """Return the kernel release in the header of the bzImage `data`."""
    start = int.from_bytes(data[0x20E:0x210], "little") + 0x200
    return data[start : start + 200].split(b"\0")[0].split(b" ")[0].decode("ascii", "replace")


def packed_kernel(image: bytes) -> bytes | None:
    """Return the compressed kernel inside `image`; None if it contains no compressed kernel."""
    match image_kind(image):
        case ImageKind.BZIMAGE:
            setup_sectors = image[0x1F1] or DEFAULT_SETUP_SECTORS
            offset, length = struct.unpack_from("<II", image, 0x248)
            start = (setup_sectors + 1) * SECTOR_BYTES + offset
            return image[start : start + length]
        case ImageKind.ZBOOT:
            start, length = struct.unpack_from("<II", image, 8)
            return image[start : start + length]
        case ImageKind.GZIP:
            return image
    return None


def extract_vmlinux(image: bytes, target: Path) -> bool:
    """Write the kernel inside `image` to the file `target`, piece by piece; return False if it cannot be extracted."""
    if image_kind(image) in (ImageKind.VMLINUX, ImageKind.ARM64):
        target.write_bytes(image)
        return True
    packed = packed_kernel(image)
    if packed is None:
        return False
    try:
        with target.open("wb") as kernel:
            for piece in decompress(packed):
                kernel.write(piece)
    except (DecompressionError, OSError):
        target.unlink()
        return False
    return True


def has_pvh_entry(path: Path) -> bool:
    """Return whether the ELF file `path` has the note in which QEMU finds its 32-bit entry point."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as kernel:
        return elf.Note(b"Xen", PHYS32_ENTRY) in elf.notes(kernel)


class _Decompressor(Protocol):
    """The methods that the decompressors of the standard library share."""

    @property
    def eof(self) -> bool: ...
    def decompress(self, data: bytes, /) -> bytes: ...


def decompress(data: bytes) -> Iterator[bytes]:
    """Yield `data` decompressed, in pieces; its first bytes determine the compression.

    Raises:
        DecompressionError: the data is damaged or truncated, or its compression is unknown or has no library here.
    """
    if data[:2] == b"\x1f\x8b":
        return _with_standard_library(zlib.decompressobj(wbits=31), data)
    if data[:6] == b"\xfd7zXZ\0":
        return _with_standard_library(lzma.LZMADecompressor(format=lzma.FORMAT_XZ), data)
    if data[:3] == b"\x5d\0\0":
        return _with_standard_library(lzma.LZMADecompressor(format=lzma.FORMAT_ALONE), data)
    if data[:3] == b"BZh":
        return _with_standard_library(bz2.BZ2Decompressor(), data)
    if data[:4] == b"\x02\x21\x4c\x18":
        return _lz4_legacy(data)
    if data[:4] == b"\x28\xb5\x2f\xfd":
        return _zstandard(data)
    raise DecompressionError("unknown compression")


def _with_standard_library(decompressor: _Decompressor, data: bytes) -> Iterator[bytes]:
    try:
        for start in range(0, len(data), CHUNK_BYTES):
            yield decompressor.decompress(data[start : start + CHUNK_BYTES])
            if decompressor.eof:
                return
    except (OSError, EOFError, lzma.LZMAError, zlib.error) as error:
        raise DecompressionError(str(error)) from None
    raise DecompressionError("truncated data")


def _load_library(name: str) -> ctypes.CDLL:
    try:
        return ctypes.CDLL(name)
    except OSError as error:
        raise DecompressionError(str(error)) from None


def _lz4_legacy(data: bytes) -> Iterator[bytes]:
    """Decompress the LZ4 legacy format: blocks of 8 MiB, each after its compressed size.

    The kernel's build appends the uncompressed size, which looks like the size of one more block.
    """
    library = _load_library("liblz4.so.1")
    block = ctypes.create_string_buffer(LZ4_BLOCK_BYTES)
    position = 4
    while position + 8 <= len(data):
        (size,) = struct.unpack_from("<I", data, position)
        source = data[position + 4 : position + 4 + size]
        written = library.LZ4_decompress_safe(source, block, len(source), LZ4_BLOCK_BYTES)
        if len(source) < size or written <= 0:
            raise DecompressionError("damaged LZ4 block")
        yield ctypes.string_at(block, written)
        position += 4 + size


class _Buffer(ctypes.Structure):
    """ZSTD_inBuffer and ZSTD_outBuffer, which have the same fields."""

    _fields_ = (("data", ctypes.c_char_p), ("size", ctypes.c_size_t), ("pos", ctypes.c_size_t))


def _zstandard(data: bytes) -> Iterator[bytes]:
    """Decompress one Zstandard frame; the data after it (the size of the kernel) is ignored."""
    library = _load_library("libzstd.so.1")
    library.ZSTD_createDStream.restype = ctypes.c_void_p
    library.ZSTD_decompressStream.restype = ctypes.c_size_t
    stream = ctypes.c_void_p(library.ZSTD_createDStream())
    chunk = ctypes.create_string_buffer(CHUNK_BYTES)
    source = _Buffer(data, len(data), 0)
    try:
        remaining = 1
        while remaining:
            target = _Buffer(ctypes.cast(chunk, ctypes.c_char_p), CHUNK_BYTES, 0)
            remaining = library.ZSTD_decompressStream(stream, ctypes.byref(target), ctypes.byref(source))
            if library.ZSTD_isError(ctypes.c_size_t(remaining)):
                raise DecompressionError("damaged Zstandard frame")
            if remaining and not target.pos and source.pos == source.size:
                raise DecompressionError("truncated data")
            yield ctypes.string_at(chunk, target.pos)
    finally:
        library.ZSTD_freeDStream(stream)
