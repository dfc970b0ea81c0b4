# SPDX-License-Identifier: BSD-2-Clause
"""From what the user calls a kernel to the files that boot it."""

import hashlib
import json
import os
import platform
import re
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from .archive import Apt, candidate_suites, own_suites
from .cache import cache_root, locked, new_directory, prune
from .errors import CannotRun
from .vmlinux import CannotDecompress, decompress, extract_vmlinux, has_pvh_entry

ARCHITECTURE = {"x86_64": "amd64", "aarch64": "arm64"}
DRIVE_MODULES = ("virtio_pci", "virtio_blk")
HOW_TO_GO_ON = "name another with --kernel, or give the path of a bzImage or vmlinux"
LOCAL_KERNELS_BYTES = 1 << 30


@dataclass(frozen=True)
class Kernel:
    """A kernel that can be booted: `image` for QEMU's -kernel, `modules` in the order of loading."""

    release: str
    image: Path
    modules: tuple[Path, ...]

    @property
    def identity(self) -> str:
        """Name this very kernel: its directory in the cache stands for its content."""
        return self.image.parent.name


def find_kernel(spec: str) -> Kernel:
    """Return the kernel that `spec` names, fetching it when the cache has none.

    `spec` is a version prefix (`6.1`), `distro` (the newest of this machine's own release), `host`
    (the kernel that runs here), or the path of a bzImage or vmlinux.

    Raises:
        CannotRun: there is no such kernel, or it cannot be fetched.
    """
    if spec == "host":
        release = platform.release()
        return _local_kernel(_first_of(f"/boot/vmlinuz-{release}", f"/lib/modules/{release}/vmlinuz"))
    if "/" in spec or Path(spec).is_file():
        return _local_kernel(Path(spec))
    if spec != "distro" and not re.fullmatch(r"\d+(\.\d+)*([.+-][\w.+~-]*)?", spec):
        raise CannotRun(
            f"kernel {spec!r} is neither a version such as 6.1, nor `distro`, `host`, or the path of a kernel"
        )
    return _archive_kernel(spec)


def _first_of(*paths: str) -> Path:
    for path in paths:
        if os.access(path, os.R_OK):
            return Path(path)
    raise CannotRun(f"the running kernel's image ({paths[0]}) is not here or not readable: {HOW_TO_GO_ON}")


def machine_architecture() -> str:
    """Return this machine's architecture by Debian's name."""
    return ARCHITECTURE.get(platform.machine(), platform.machine())


def _store() -> Path:
    return cache_root() / "kernels" / machine_architecture()


def _version_key(release: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", release)]


def _matches(spec: str, release: str) -> bool:
    return release == spec or (release.startswith(spec) and not release[len(spec)].isdigit())


def _archive_kernel(spec: str) -> Kernel:
    with locked("kernels"):
        names = {suite.name for suite in own_suites()} if spec == "distro" else set()
        cached = [_load(entry) for entry in _store().glob("[0-9]*") if _wanted(entry, spec, names)]
        if not cached:
            cached = [_fetch(spec)]
    return max(cached, key=lambda kernel: _version_key(kernel.release))


def _wanted(entry: Path, spec: str, own: set[str]) -> bool:
    about = json.loads((entry / "kernel.json").read_text())
    return about["suite"] in own if spec == "distro" else _matches(spec, about["release"])


def _load(entry: Path) -> Kernel:
    about = json.loads((entry / "kernel.json").read_text())
    modules = tuple(sorted((entry / "modules").glob("*.ko")))
    return Kernel(about["release"], entry / about["image"], modules)


def _fetch(spec: str) -> Kernel:
    """Download the newest kernel that `spec` names from the first suite that has one."""
    architecture = machine_architecture()
    series = "" if spec == "distro" else spec
    suites = own_suites() if spec == "distro" else candidate_suites(series)
    pattern = rf"linux-image-(\d\S*-(?:cloud-{architecture}|generic))"
    offered: set[str] = set()
    troubles: list[str] = []
    for suite in suites:
        apt = Apt(suite, architecture)
        try:
            apt.update()
            packages = apt.packages(pattern)
        except CannotRun as trouble:
            troubles.append(str(trouble))
            continue
        releases = [package.removeprefix("linux-image-") for package in packages]
        offered.update(".".join(release.split(".")[:2]) for release in releases)
        wanted = [release for release in releases if not series or _matches(series, release)]
        if wanted:
            return _install(apt, max(wanted, key=_version_key))
    raise CannotRun(_not_offered(spec, offered, troubles))


def _not_offered(spec: str, offered: Iterable[str], troubles: list[str]) -> str:
    series = sorted(offered, key=_version_key)
    if not series:
        return f"kernel {spec} cannot be fetched: {'; '.join(troubles)}"
    there = f"the archive of this machine has no kernel {spec}; it has {', '.join(series)}"
    failed = f" ({'; '.join(troubles)})" if troubles else ""
    return f"{there}{failed}: {HOW_TO_GO_ON}"


def _install(apt: Apt, release: str) -> Kernel:
    package = f"linux-image-{release}"
    target = _store() / release
    with new_directory(target) as work:
        tree = work / "tree"
        tree.mkdir()
        apt.unpack([package, *apt.companions(package)], tree)
        images = [*tree.glob("boot/vmlinuz-*"), *tree.glob("**/modules/*/vmlinuz")]
        if not images:
            raise CannotRun(f"{package} and what it depends on hold no kernel image")
        _keep(images[0], [tree / "lib/modules" / release, tree / "usr/lib/modules" / release], work)
        about = {"release": release, "suite": apt.suite.name, "image": _image_name(work)}
        (work / "kernel.json").write_text(json.dumps(about))
        shutil.rmtree(tree)
    return _load(target)


def _image_name(directory: Path) -> str:
    return "vmlinux" if (directory / "vmlinux").exists() else "vmlinuz"


def _keep(image: Path, module_trees: list[Path], work: Path) -> None:
    """Copy into `work` what a boot needs: the kernel, taken out of its wrapping, and virtio's modules."""
    data = image.read_bytes()
    (work / "vmlinuz").write_bytes(data)
    kernel = work / "vmlinux"
    if extract_vmlinux(data, kernel) and not has_pvh_entry(kernel):
        kernel.unlink()
    if data[:4] == b"\x7fELF" and not kernel.exists():
        raise CannotRun(f"{image} cannot be booted: it lacks CONFIG_PVH; give the bzImage of the same build")
    (work / "modules").mkdir()
    available = {
        path.name.partition(".ko")[0].replace("-", "_"): path for tree in module_trees for path in tree.rglob("*.ko*")
    }
    for number, (name, content) in enumerate(_load_order(DRIVE_MODULES, available).items()):
        (work / "modules" / f"{number}-{name}.ko").write_bytes(content)


def _load_order(wanted: Iterable[str], available: dict[str, Path]) -> dict[str, bytes]:
    """Return the modules `wanted`, each after those that it depends on; built-in ones have no file."""
    order: dict[str, bytes] = {}
    for name in wanted:
        if name in available:
            content = _module(available[name])
            depends = re.search(rb"\0depends=([\w,-]*)\0", content)
            needed = depends[1].decode().replace("-", "_").split(",") if depends else []
            order |= {**_load_order(needed, available), name: content}
    return order


def _module(path: Path) -> bytes:
    packed = path.read_bytes()
    try:
        return packed if packed[:4] == b"\x7fELF" else b"".join(decompress(packed))
    except CannotDecompress as error:
        raise CannotRun(f"module {path} cannot be decompressed: {error}") from None


def _local_kernel(image: Path) -> Kernel:
    """Prepare a kernel of the user's own in the cache, by its content."""
    try:
        data = image.read_bytes()
    except OSError as error:
        raise CannotRun(f"kernel {image} cannot be read: {error.strerror}; {HOW_TO_GO_ON}") from None
    release = _release_of(data)
    if release is None:
        raise CannotRun(f"{image} is neither a bzImage nor a vmlinux; {HOW_TO_GO_ON}")
    store = cache_root() / "kernels" / "local"
    target = store / hashlib.sha256(data).hexdigest()[:16]
    with locked("kernels"):
        if not target.exists():
            with new_directory(target) as work:
                _keep(image, [Path("/lib/modules") / release], work)
                about = {"release": release, "suite": "", "image": _image_name(work)}
                (work / "kernel.json").write_text(json.dumps(about))
        os.utime(target)
        prune(store, LOCAL_KERNELS_BYTES)
    return _load(target)


def _release_of(data: bytes) -> str | None:
    if data[0x202:0x206] == b"HdrS":
        start = int.from_bytes(data[0x20E:0x210], "little") + 0x200
        return data[start : start + 200].split(b"\0")[0].split(b" ")[0].decode("ascii", "replace")
    found = re.search(rb"Linux version (\S+) ", data)
    return found[1].decode("ascii", "replace") if found and data[:4] == b"\x7fELF" else None
