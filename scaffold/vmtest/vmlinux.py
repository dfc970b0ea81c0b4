# SPDX-License-Identifier: BSD-2-Clause
"""Take the ELF kernel out of a bzImage, so that QEMU can enter it directly (PVH).

A guest that need not decompress its own kernel boots in two thirds of the time. Where a step is not
possible (an unknown compression, no PVH note) the caller boots the bzImage as it is.

Sources: Linux Documentation/arch/x86/boot.rst (payload_offset, payload_length);
include/xen/interface/elfnote.h (XEN_ELFNOTE_PHYS32_ENTRY).
"""

import bz2
import ctypes
import gzip
import lzma
import struct
import zlib

ELF_MAGIC = b"\x7fELF"
PT_NOTE = 4
PHYS32_ENTRY = 18
MAX_KERNEL = 256 << 20


def extract_vmlinux(image: bytes) -> bytes | None:
    """Return the ELF kernel inside the bzImage `image`, or None when it cannot be taken out."""
    if image[:4] == ELF_MAGIC:
        return image
    if image[0x202:0x206] != b"HdrS" and image[0x1FE:0x200] != b"\x55\xaa":
        return None
    setup_sectors = image[0x1F1] or 4
    offset, length = struct.unpack_from("<II", image, 0x248)
    start = (setup_sectors + 1) * 512 + offset
    kernel = decompress(image[start : start + length])
    return kernel if kernel is not None and kernel[:4] == ELF_MAGIC else None


def has_pvh_entry(kernel: bytes) -> bool:
    """Say whether the ELF file `kernel` carries the note by which QEMU finds its 32-bit entry."""
    (phoff,) = struct.unpack_from("<Q", kernel, 32)
    phentsize, phnum = struct.unpack_from("<HH", kernel, 54)
    for index in range(phnum):
        kind, _, offset, _, _, size = struct.unpack_from("<IIQQQQ", kernel, phoff + index * phentsize)
        if kind == PT_NOTE and _has_note(kernel[offset : offset + size]):
            return True
    return False


def _has_note(notes: bytes) -> bool:
    position = 0
    while position + 12 <= len(notes):
        name_size, value_size, kind = struct.unpack_from("<III", notes, position)
        name = notes[position + 12 : position + 12 + name_size]
        if kind == PHYS32_ENTRY and name == b"Xen\0":
            return True
        position += 12 + (name_size + 3) // 4 * 4 + (value_size + 3) // 4 * 4
    return False


def decompress(data: bytes) -> bytes | None:
    """Return `data` decompressed by its magic number, or None when its form or library is unknown here."""
    try:
        if data[:2] == b"\x1f\x8b":
            return zlib.decompressobj(wbits=31).decompress(data)
        if data[:6] == b"\xfd7zXZ\0":
            return lzma.LZMADecompressor(format=lzma.FORMAT_XZ).decompress(data)
        if data[:3] == b"\x5d\0\0":
            return lzma.LZMADecompressor(format=lzma.FORMAT_ALONE).decompress(data)
        if data[:3] == b"BZh":
            return bz2.BZ2Decompressor().decompress(data)
        if data[:4] == b"\x02\x21\x4c\x18":
            return _lz4_legacy(data)
        if data[:4] == b"\x28\xb5\x2f\xfd":
            return _zstd(data)
    except (OSError, EOFError, gzip.BadGzipFile, lzma.LZMAError, zlib.error, struct.error):
        return None
    return None


def _lz4_legacy(data: bytes) -> bytes:
    """Decompress the LZ4 legacy format: blocks of 8 MiB, each after its compressed size."""
    library = ctypes.CDLL("liblz4.so.1")
    block = ctypes.create_string_buffer(8 << 20)
    position, parts = 4, []
    while position + 4 <= len(data):
        (size,) = struct.unpack_from("<I", data, position)
        source = data[position + 4 : position + 4 + size]
        if not size or len(source) < size:
            break
        written = library.LZ4_decompress_safe(source, block, size, len(block))
        if written < 0:
            break
        parts.append(block.raw[:written])
        position += 4 + size
    return b"".join(parts)


class _Buffer(ctypes.Structure):
    """ZSTD_inBuffer and ZSTD_outBuffer, which have the same shape."""

    _fields_ = (("data", ctypes.c_char_p), ("size", ctypes.c_size_t), ("pos", ctypes.c_size_t))


def _zstd(data: bytes) -> bytes | None:
    """Decompress one Zstandard frame; what follows it (the kernel's size) is left alone."""
    library = ctypes.CDLL("libzstd.so.1")
    library.ZSTD_createDStream.restype = ctypes.c_void_p
    library.ZSTD_decompressStream.restype = ctypes.c_size_t
    stream = ctypes.c_void_p(library.ZSTD_createDStream())
    chunk = ctypes.create_string_buffer(1 << 20)
    source = _Buffer(data, len(data), 0)
    parts, total = [], 0
    try:
        while total < MAX_KERNEL:
            target = _Buffer(ctypes.cast(chunk, ctypes.c_char_p), len(chunk), 0)
            left = library.ZSTD_decompressStream(stream, ctypes.byref(target), ctypes.byref(source))
            if library.ZSTD_isError(ctypes.c_size_t(left)):
                return None
            parts.append(chunk.raw[: target.pos])
            total += target.pos
            if left == 0 or (source.pos == source.size and target.pos == 0):
                return b"".join(parts)
    finally:
        library.ZSTD_freeDStream(stream)
    return None
