# SPDX-License-Identifier: BSD-2-Clause
"""One kernel in the cache: the image that boots, the modules that a guest loads, and the packages of both."""

import hashlib
import json
import os
import shutil
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from .apt import unpack_package
from .architecture import ARCHITECTURES, Architecture
from .cache import locked, new_directory
from .errors import InfrastructureError
from .modules import module_directories, module_files, write_modules
from .vmlinux import ImageKind, extract_vmlinux, has_pvh_entry, image_kind

DRIVE_MODULES = ("virtio_pci", "virtio_blk")


@dataclass(frozen=True)
class Kernel:
    """A kernel that can be booted: `image` is for QEMU's -kernel, `modules` are in the order of loading."""

    release: str
    image: Path
    modules: tuple[Path, ...]
    architecture: Architecture

    @property
    def cache_key(self) -> str:
        """The name of its directory in the cache, which identifies its content."""
        return self.image.parent.name


@dataclass(frozen=True)
class KernelSource:
    """The origin of a kernel: its release, its suite ("" for a local file) and its architecture."""

    release: str
    suite: str
    architecture: Architecture


def valid_entries(store: Path) -> dict[Path, KernelSource]:
    """Return the sources of the kernels in the directory `store` by their entries, without damaged entries."""
    entries = {}
    for entry in store.glob("[!.]*/"):
        with suppress(OSError, ValueError, KeyError):
            source = _read_source(entry)
            if _images(entry):
                entries[entry] = source
    return entries


def load_entry(entry: Path) -> Kernel:
    """Return the kernel in the directory `entry` and record the current time as its last use."""
    source = _read_source(entry)
    os.utime(entry)
    return Kernel(source.release, _images(entry)[0], module_files(entry / "modules"), source.architecture)


def _read_source(entry: Path) -> KernelSource:
    values = json.loads((entry / "kernel.json").read_text())
    return KernelSource(values["release"], values["suite"], ARCHITECTURES[values["arch"]])


def _images(entry: Path) -> list[Path]:
    """Return the images in `entry`; the one that boots fastest is the first."""
    return [image for image in (entry / "vmlinux", entry / "vmlinuz") if image.exists()]


def write_entry(work: Path, source: KernelSource, image: Path, directories: Sequence[Path]) -> None:
    """Fill the directory `work` with what a boot needs: the kernel, uncompressed if possible, and virtio's modules.

    `directories` are those with the modules of the kernel.

    Raises:
        InfrastructureError: the kernel cannot be booted, or a module cannot be read.
    """
    data = image.read_bytes()
    kind = image_kind(data)
    (work / "vmlinuz").write_bytes(data)
    kernel = work / "vmlinux"
    if kind == ImageKind.ARM64:
        (work / "vmlinuz").rename(kernel)
    elif extract_vmlinux(data, kernel) and not _is_bootable(kernel, source.architecture):
        kernel.unlink()
    if kind == ImageKind.VMLINUX and not kernel.exists():
        raise InfrastructureError(
            f"{image} cannot be booted: it was built without CONFIG_PVH", hint="use the bzImage of the same build"
        )
    write_modules(work / "modules", DRIVE_MODULES, (), directories)
    values = {"release": source.release, "suite": source.suite, "arch": source.architecture.name}
    (work / "kernel.json").write_text(json.dumps(values))


def _is_bootable(kernel: Path, architecture: Architecture) -> bool:
    if architecture.name == "amd64":
        return has_pvh_entry(kernel)
    with kernel.open("rb") as file:
        return image_kind(file.read(64)) == ImageKind.ARM64


def with_modules(kernel: Kernel, names: Sequence[str]) -> Kernel:
    """Return `kernel` with the modules `names` and their dependencies added to those that a guest loads.

    They come from the packages in the cache entry of the kernel, or from /lib/modules for a local kernel.

    Raises:
        InfrastructureError: the kernel does not have one of the modules, or its modules were not found.
    """
    if not names:
        return kernel
    entry = kernel.image.parent
    # Repositories with different versions of the runner share the cache.
    version = Path(__file__).with_name("modules.py").read_bytes()
    digest = hashlib.sha256("\0".join(names).encode() + version).hexdigest()[:12]
    target = entry / f"modules-{digest}"
    with locked(f"modules-{entry.name}-{digest}"):
        if not target.exists():
            with new_directory(target) as work:
                directories = _all_modules(kernel, work / "tree")
                write_modules(work, DRIVE_MODULES, names, directories)
                shutil.rmtree(work / "tree", ignore_errors=True)
    return replace(kernel, modules=module_files(target))


def _all_modules(kernel: Kernel, tree: Path) -> list[Path]:
    """Return the directories with all modules of `kernel`; its packages are unpacked in the directory `tree`."""
    packages = sorted((kernel.image.parent / "packages").glob("*.deb"))
    for package in packages:
        unpack_package(package, tree)
    directories = module_directories(tree if packages else Path("/"), kernel.release)
    if not directories:
        raise InfrastructureError(
            f"modules of kernel {kernel.release} not found, neither in the cache nor in /lib/modules"
        )
    return directories
