# SPDX-License-Identifier: BSD-2-Clause
"""From what the user calls a kernel to the files that boot it."""

import hashlib
import os
import platform
import re
from pathlib import Path

from .apt import own_suites
from .architecture import ARCHITECTURES, Architecture, own_architecture
from .available import NO_KERNEL_HINT, available_kernels, fetch, kernel_store, matches, version_key
from .cache import cache_root, locked, new_directory, prune
from .elf import is_elf, machine
from .errors import InfrastructureError
from .kernel_cache import Kernel, KernelSource, load_entry, whole_entries, write_entry
from .modules import module_trees
from .vmlinux import DecompressionError, decompress, is_arm64_image, packed_kernel

NAMED = ("newest", "distro", "host")
LOCAL_KERNELS_BYTES = 1 << 30


def find_kernel(spec: str, guests: Architecture | None = None) -> Kernel:
    """Return the kernel that `spec` names for `guests`, this machine's by default, fetching it when the cache has none.

    `spec` is a version prefix (`6.1`), `newest` (of all that the archive has), `distro` (the newest of this
    machine's own release), `host` (the kernel that runs here), or the path of a kernel.

    Raises:
        InfrastructureError: there is no such kernel, or it cannot be fetched.
    """
    architecture = guests or own_architecture()
    if spec == "host":
        release = platform.release()
        return _local_kernel(_first_of(f"/boot/vmlinuz-{release}", f"/lib/modules/{release}/vmlinuz"), architecture)
    if "/" in spec or Path(spec).is_file():
        return _local_kernel(Path(spec), architecture)
    if spec not in NAMED and not re.fullmatch(r"\d+(\.\d+)*([.+-][\w.+~-]*)?", spec):
        raise InfrastructureError(
            f"kernel {spec!r} is neither a version such as 6.1, nor `newest`, `distro`, `host`, or the path of a kernel"
        )
    found = _cached(spec, architecture)
    if found is None:
        with locked("kernels"):
            found = _cached(spec, architecture) or fetch(spec, architecture)
    return found


def _first_of(*paths: str) -> Path:
    for path in paths:
        if os.access(path, os.R_OK):
            return Path(path)
    raise InfrastructureError(f"the running kernel's image ({paths[0]}) is not here or not readable: {NO_KERNEL_HINT}")


def _cached(spec: str, architecture: Architecture) -> Kernel | None:
    """Return the newest kernel in the cache that `spec` names."""
    origins = whole_entries(kernel_store(architecture))
    if spec == "distro":
        names = {suite.name for suite in own_suites()}
        found = [entry for entry, origin in origins.items() if origin.suite in names]
    elif spec == "newest":
        found = _newest(list(origins), architecture)
    else:
        found = [entry for entry, origin in origins.items() if matches(spec, origin.release)]
    return load_entry(max(found, key=lambda entry: version_key(entry.name))) if found else None


def _newest(entries: list[Path], architecture: Architecture) -> list[Path]:
    try:
        newest = available_kernels(architecture)[-1].release
    except InfrastructureError:
        return entries  # out of reach of the archive: what there is
    return [entry for entry in entries if entry.name == newest]


def _local_kernel(image: Path, architecture: Architecture) -> Kernel:
    """Prepare a kernel of the user's own in the cache, by its content."""
    try:
        data = image.read_bytes()
    except OSError as error:
        raise InfrastructureError(f"kernel {image} cannot be read: {error.strerror}; {NO_KERNEL_HINT}") from None
    release, name = _identify(data)
    if not release:
        raise InfrastructureError(
            f"{image} is neither a bzImage nor a vmlinux, nor an Image for arm64; {NO_KERNEL_HINT}"
        )
    if name != architecture.name:
        raise InfrastructureError(
            f"{image} is a kernel for {name}, and the guest is to be {architecture.name}: see --arch"
        )
    store = cache_root() / "kernels" / "local"
    target = store / hashlib.sha256(data).hexdigest()[:16]
    with locked("kernels"):
        if target not in whole_entries(store):
            with new_directory(target) as work:
                write_entry(work, KernelSource(release, "", architecture), image, module_trees(Path("/"), release))
        found = load_entry(target)
        prune(store, LOCAL_KERNELS_BYTES)
    return found


def _identify(data: bytes) -> tuple[str, str]:
    """Return the release of the kernel in `data` and its architecture by Debian's name; "" for what is no kernel."""
    if data[0x202:0x206] == b"HdrS":
        start = int.from_bytes(data[0x20E:0x210], "little") + 0x200
        return data[start : start + 200].split(b"\0")[0].split(b" ")[0].decode("ascii", "replace"), "amd64"
    if is_elf(data):
        names = [each.name for each in ARCHITECTURES.values() if each.elf_machine == machine(data)]
        return (_release_in(data), names[0]) if names else ("", "")
    packed = packed_kernel(data)
    if packed is not None:
        try:
            data = b"".join(decompress(packed))
        except DecompressionError:
            return "", ""
    return (_release_in(data), "arm64") if is_arm64_image(data) else ("", "")


def _release_in(data: bytes) -> str:
    found = re.search(rb"Linux version (\S+) ", data)
    return found[1].decode("ascii", "replace") if found else ""
