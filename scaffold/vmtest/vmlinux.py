# SPDX-License-Identifier: BSD-2-Clause
"""Take the kernel out of what a distribution ships, so that QEMU can enter it directly.

On amd64 that is the ELF file in a bzImage, entered by PVH, on arm64 the Image in a gzip file or in an EFI
program. A guest that need not decompress its own kernel boots in two thirds of the time. Where a step is not
possible (an unknown compression, no PVH note) the caller boots what was shipped as it is.

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
from pathlib import Path
from typing import Protocol

ELF_MAGIC = b"\x7fELF"
PT_NOTE = 4
PHYS32_ENTRY = 18
CHUNK = 1 << 20
LZ4_BLOCK = 8 << 20


class DecompressionError(ValueError):
    """The data is damaged, or of a form that is unknown here."""


def extract_vmlinux(image: bytes, target: Path) -> bool:
    """Write the kernel inside `image` to `target`; False when it cannot be taken out.

    A kernel is large: it goes to the file piece by piece.
    """
    if image[:4] == ELF_MAGIC or is_arm64_image(image):
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


def is_arm64_image(data: bytes) -> bool:
    """Say whether `data` is a kernel for arm64 in the form that a loader enters."""
    return data[0x38:0x3C] == b"ARM\x64"


def packed_kernel(image: bytes) -> bytes | None:
    """Return the compressed kernel inside `image`, and None where there is none."""
    if image[0x202:0x206] == b"HdrS":
        setup_sectors = image[0x1F1] or 4
        offset, length = struct.unpack_from("<II", image, 0x248)
        start = (setup_sectors + 1) * 512 + offset
        return image[start : start + length]
    if image[:2] == b"MZ" and image[4:8] == b"zimg":
        start, length = struct.unpack_from("<II", image, 8)
        return image[start : start + length]
    return image if image[:2] == b"\x1f\x8b" else None


def has_pvh_entry(path: Path) -> bool:
    """Say whether the ELF file `path` carries the note by which QEMU finds its 32-bit entry."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as kernel:
        return kernel[:4] == ELF_MAGIC and any(_has_note(notes) for notes in _notes(kernel))


def _notes(kernel: mmap.mmap) -> Iterator[bytes]:
    (phoff,) = struct.unpack_from("<Q", kernel, 32)
    phentsize, phnum = struct.unpack_from("<HH", kernel, 54)
    for index in range(phnum):
        kind, _, offset, _, _, size = struct.unpack_from("<IIQQQQ", kernel, phoff + index * phentsize)
        if kind == PT_NOTE:
            yield kernel[offset : offset + size]


def _has_note(notes: bytes) -> bool:
    position = 0
    while position + 12 <= len(notes):
        name_size, value_size, kind = struct.unpack_from("<III", notes, position)
        name = notes[position + 12 : position + 12 + name_size]
        if kind == PHYS32_ENTRY and name == b"Xen\0":
            return True
        position += 12 + (name_size + 3) // 4 * 4 + (value_size + 3) // 4 * 4
    return False


class _Decompressor(Protocol):
    """What the standard library's decompressors have in common."""

    @property
    def eof(self) -> bool: ...
    def decompress(self, data: bytes, /) -> bytes: ...


def decompress(data: bytes) -> Iterator[bytes]:
    """Yield `data` decompressed, in pieces; the form is told by the magic number.

    Raises:
        DecompressionError: the data is damaged or cut short, or its form or library is not known here.
    """
    if data[:2] == b"\x1f\x8b":
        return _standard(zlib.decompressobj(wbits=31), data)
    if data[:6] == b"\xfd7zXZ\0":
        return _standard(lzma.LZMADecompressor(format=lzma.FORMAT_XZ), data)
    if data[:3] == b"\x5d\0\0":
        return _standard(lzma.LZMADecompressor(format=lzma.FORMAT_ALONE), data)
    if data[:3] == b"BZh":
        return _standard(bz2.BZ2Decompressor(), data)
    if data[:4] == b"\x02\x21\x4c\x18":
        return _lz4_legacy(data)
    if data[:4] == b"\x28\xb5\x2f\xfd":
        return _zstd(data)
    raise DecompressionError("unknown form")


def _standard(decompressor: _Decompressor, data: bytes) -> Iterator[bytes]:
    try:
        for start in range(0, len(data), CHUNK):
            yield decompressor.decompress(data[start : start + CHUNK])
            if decompressor.eof:
                return
    except (OSError, EOFError, lzma.LZMAError, zlib.error) as error:
        raise DecompressionError(str(error)) from None
    raise DecompressionError("cut short")


def _library(name: str) -> ctypes.CDLL:
    try:
        return ctypes.CDLL(name)
    except OSError as error:
        raise DecompressionError(str(error)) from None


def _lz4_legacy(data: bytes) -> Iterator[bytes]:
    """Decompress the LZ4 legacy format: blocks of 8 MiB, each after its compressed size.

    The kernel's build appends the uncompressed size, which reads as a block that is not there.
    """
    library = _library("liblz4.so.1")
    block = ctypes.create_string_buffer(LZ4_BLOCK)
    position = 4
    while position + 8 <= len(data):
        (size,) = struct.unpack_from("<I", data, position)
        source = data[position + 4 : position + 4 + size]
        written = library.LZ4_decompress_safe(source, block, len(source), LZ4_BLOCK)
        if len(source) < size or written <= 0:
            raise DecompressionError("damaged LZ4 block")
        yield ctypes.string_at(block, written)
        position += 4 + size


class _Buffer(ctypes.Structure):
    """ZSTD_inBuffer and ZSTD_outBuffer, which have the same shape."""

    _fields_ = (("data", ctypes.c_char_p), ("size", ctypes.c_size_t), ("pos", ctypes.c_size_t))


def _zstd(data: bytes) -> Iterator[bytes]:
    """Decompress one Zstandard frame; what follows it (the kernel's size) is left alone."""
    library = _library("libzstd.so.1")
    library.ZSTD_createDStream.restype = ctypes.c_void_p
    library.ZSTD_decompressStream.restype = ctypes.c_size_t
    stream = ctypes.c_void_p(library.ZSTD_createDStream())
    chunk = ctypes.create_string_buffer(CHUNK)
    source = _Buffer(data, len(data), 0)
    try:
        left = 1
        while left:
            target = _Buffer(ctypes.cast(chunk, ctypes.c_char_p), CHUNK, 0)
            left = library.ZSTD_decompressStream(stream, ctypes.byref(target), ctypes.byref(source))
            if library.ZSTD_isError(ctypes.c_size_t(left)):
                raise DecompressionError("damaged Zstandard frame")
            if left and not target.pos and source.pos == source.size:
                raise DecompressionError("cut short")
            yield ctypes.string_at(chunk, target.pos)
    finally:
        library.ZSTD_freeDStream(stream)
