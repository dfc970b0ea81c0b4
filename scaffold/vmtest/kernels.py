# SPDX-License-Identifier: BSD-2-Clause
"""Find the kernel that a user names, in the cache, in the archive or in a file."""

import hashlib
import os
import platform
import re
from pathlib import Path

from . import elf
from .apt import NO_KERNEL_HINT, configured_suites
from .architecture import Architecture, architecture_of_elf, host_architecture
from .available import (
    KernelName,
    available_kernels,
    fetch_kernel,
    kernel_directory,
    matches_version,
    version_key,
)
from .cache import cache_root, locked, new_directory, prune
from .errors import InfrastructureError
from .kernel_cache import Kernel, KernelSource, load_entry, valid_entries, write_entry
from .modules import module_directories
from .vmlinux import DecompressionError, ImageKind, bzimage_release, decompress, image_kind, packed_kernel

VERSION = re.compile(r"\d+(\.\d+)*([.+-][\w.+~-]*)?")
MAX_LOCAL_KERNELS_BYTES = 1 << 30


def find_kernel(spec: str, architecture: Architecture | None = None) -> Kernel:
    """Return the kernel `spec` for guests of `architecture` (default: this machine's); download it if necessary.

    `spec` is the beginning of a version (`6.1`), `newest` (of all that the archive has), `distro` (the newest of this
    machine's own release), `host` (the running kernel) or the path of a kernel.

    Raises:
        InfrastructureError: the kernel does not exist, or it cannot be downloaded.
    """
    architecture = architecture or host_architecture()
    if spec == KernelName.HOST:
        release = platform.release()
        image = _first_readable(f"/boot/vmlinuz-{release}", f"/lib/modules/{release}/vmlinuz")
        return _local_kernel(image, architecture)
    if "/" in spec or Path(spec).is_file():
        return _local_kernel(Path(spec), architecture)
    if spec not in list(KernelName) and not VERSION.fullmatch(spec):
        raise InfrastructureError(
            f"invalid kernel {spec!r}: expected a version such as 6.1, {', '.join(KernelName)} or the path of a kernel"
        )
    kernel = _cached_kernel(spec, architecture)
    if kernel is None:
        with locked("kernels"):
            kernel = _cached_kernel(spec, architecture) or fetch_kernel(spec, architecture)
    return kernel


def _first_readable(*paths: str) -> Path:
    for path in paths:
        if os.access(path, os.R_OK):
            return Path(path)
    raise InfrastructureError(
        f"cannot read the image of the running kernel: expected {' or '.join(paths)}",
        hint="choose a version such as 6.1 with --kernel, or pass the path of a kernel",
    )


def _cached_kernel(spec: str, architecture: Architecture) -> Kernel | None:
    """Return the newest kernel in the cache that `spec` names."""
    sources = valid_entries(kernel_directory(architecture))
    if spec == KernelName.DISTRO:
        suites = {suite.name for suite in configured_suites()}
        matching = [entry for entry, source in sources.items() if source.suite in suites]
    elif spec == KernelName.NEWEST:
        matching = _newest(list(sources), architecture)
    else:
        matching = [entry for entry, source in sources.items() if matches_version(spec, source.release)]
    return load_entry(max(matching, key=lambda entry: version_key(entry.name))) if matching else None


def _newest(entries: list[Path], architecture: Architecture) -> list[Path]:
    """Return the entry of the archive's newest kernel; all `entries` if the archive cannot be reached."""
    try:
        newest = available_kernels(architecture)[-1].release
    except InfrastructureError:
        return entries
    return [entry for entry in entries if entry.name == newest]


def _local_kernel(image: Path, architecture: Architecture) -> Kernel:
    """Return the kernel in the file `image`; its cache entry is named by a digest of its content."""
    try:
        data = image.read_bytes()
    except OSError as error:
        raise InfrastructureError(f"cannot read kernel {image}: {error.strerror}", hint=NO_KERNEL_HINT) from None
    release, name = _identify(data)
    if not release:
        raise InfrastructureError(
            f"invalid kernel {image}: expected a bzImage, a vmlinux or an arm64 Image", hint=NO_KERNEL_HINT
        )
    if name != architecture.name:
        raise InfrastructureError(
            f"{image} is a kernel for {name}, but the guest is {architecture.name}", hint=f"add --arch {name}"
        )
    store = cache_root() / "kernels" / "local"
    target = store / hashlib.sha256(data).hexdigest()[:16]
    with locked("kernels"):
        if target not in valid_entries(store):
            with new_directory(target) as work:
                directories = module_directories(Path("/"), release)
                write_entry(work, KernelSource(release, "", architecture), image, directories)
        kernel = load_entry(target)
        prune(store, MAX_LOCAL_KERNELS_BYTES)
    return kernel


def _identify(data: bytes) -> tuple[str, str]:
    """Return the release and the architecture (Debian's name) of the kernel image `data`; "" if it is invalid."""
    kind = image_kind(data)
    if kind == ImageKind.BZIMAGE:
        return bzimage_release(data), "amd64"
    if kind == ImageKind.VMLINUX:
        architecture = architecture_of_elf(elf.machine(data))
        return (_release_in(data), architecture.name) if architecture else ("", "")
    packed = packed_kernel(data)
    if packed is not None:
        try:
            data = b"".join(decompress(packed))
        except DecompressionError:
            return "", ""
    return (_release_in(data), "arm64") if image_kind(data) == ImageKind.ARM64 else ("", "")


def _release_in(data: bytes) -> str:
    match = re.search(rb"Linux version (\S+) ", data)
    return match[1].decode("ascii", "replace") if match else ""
