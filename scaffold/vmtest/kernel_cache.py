# SPDX-License-Identifier: BSD-2-Clause
"""One kernel in the cache: the image that boots, the modules that a guest loads, and their packages."""

import hashlib
import json
import os
import shutil
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from . import processes
from .architecture import ARCHITECTURES, Architecture
from .cache import locked, new_directory
from .errors import InfrastructureError
from .modules import in_order, module_trees, write_modules
from .vmlinux import extract_vmlinux, has_pvh_entry, is_arm64_image

DRIVE_MODULES = ("virtio_pci", "virtio_blk")


@dataclass(frozen=True)
class Kernel:
    """A kernel that can be booted: `image` for QEMU's -kernel, `modules` in the order of loading."""

    release: str
    image: Path
    modules: tuple[Path, ...]
    architecture: Architecture

    @property
    def identity(self) -> str:
        """Name this very kernel: its directory in the cache stands for its content."""
        return self.image.parent.name


@dataclass(frozen=True)
class KernelSource:
    """Where a kernel comes from: its release, the suite ("" for a file of the user's), the architecture."""

    release: str
    suite: str
    architecture: Architecture


def _read_origin(entry: Path) -> KernelSource:
    about = json.loads((entry / "kernel.json").read_text())
    return KernelSource(about["release"], about["suite"], ARCHITECTURES[about["arch"]])


def whole_entries(store: Path) -> dict[Path, KernelSource]:
    """Return the kernels in the directory `store` by their entries. A damaged one counts as not there."""
    found = {}
    for entry in store.glob("[!.]*/"):
        with suppress(OSError, ValueError, KeyError):
            origin = _read_origin(entry)
            if _images(entry):
                found[entry] = origin
    return found


def load_entry(entry: Path) -> Kernel:
    """Return the kernel in the directory `entry`, and note that it was used now."""
    origin = _read_origin(entry)
    os.utime(entry)
    return Kernel(origin.release, _images(entry)[0], in_order(entry / "modules"), origin.architecture)


def _images(entry: Path) -> list[Path]:
    """Return what boots, the best first."""
    return [image for image in (entry / "vmlinux", entry / "vmlinuz") if image.exists()]


def write_entry(work: Path, origin: KernelSource, image: Path, trees: Sequence[Path]) -> None:
    """Fill the directory `work` with what a boot needs: the kernel, taken out of its wrapping, and virtio's modules.

    Those are looked for in `trees`.

    Raises:
        InfrastructureError: the kernel cannot be booted, or a module not be read.
    """
    data = image.read_bytes()
    (work / "vmlinuz").write_bytes(data)
    kernel = work / "vmlinux"
    if is_arm64_image(data):
        (work / "vmlinuz").rename(kernel)
    elif extract_vmlinux(data, kernel) and not _enterable(kernel, origin.architecture):
        kernel.unlink()
    if data[:4] == b"\x7fELF" and not kernel.exists():
        raise InfrastructureError(f"{image} cannot be booted: it lacks CONFIG_PVH; give the bzImage of the same build")
    write_modules(work / "modules", DRIVE_MODULES, (), trees)
    about = {"release": origin.release, "suite": origin.suite, "arch": origin.architecture.name}
    (work / "kernel.json").write_text(json.dumps(about))


def _enterable(kernel: Path, architecture: Architecture) -> bool:
    if architecture.name == "amd64":
        return has_pvh_entry(kernel)
    with kernel.open("rb") as file:
        return is_arm64_image(file.read(64))


def with_modules(kernel: Kernel, names: Sequence[str]) -> Kernel:
    """Return `kernel` with the modules `names`, and those that they depend on, to be loaded too.

    They come from the packages that stand beside the kernel in the cache, or, for a kernel of the user's own, from
    /lib/modules.

    Raises:
        InfrastructureError: the kernel has no such module, or no modules came with it.
    """
    if not names:
        return kernel
    entry = kernel.image.parent
    # Repositories of different ages, each with a runner of its own, share the cache.
    rules = Path(__file__).with_name("modules.py").read_bytes()
    digest = hashlib.sha256("\0".join(names).encode() + rules).hexdigest()[:12]
    target = entry / f"modules-{digest}"
    with locked(f"modules-{entry.name}-{digest}"):
        if not target.exists():
            with new_directory(target) as work:
                trees = _module_trees(kernel, work / "tree")
                write_modules(work, DRIVE_MODULES, names, trees)
                shutil.rmtree(work / "tree", ignore_errors=True)
    return replace(kernel, modules=in_order(target))


def _module_trees(kernel: Kernel, place: Path) -> list[Path]:
    packages = sorted((kernel.image.parent / "packages").glob("*.deb"))
    for package in packages:
        done = processes.run(["dpkg-deb", "-x", str(package), str(place)])
        if done.returncode:
            raise InfrastructureError(f"{package} cannot be unpacked: {done.stderr.strip()}")
    found = module_trees(place if packages else Path("/"), kernel.release)
    if not found:
        raise InfrastructureError(
            f"the modules of kernel {kernel.release} are neither in the cache nor in /lib/modules"
        )
    return found
