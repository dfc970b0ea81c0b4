# SPDX-License-Identifier: BSD-2-Clause
"""The kernel modules that a guest loads, and their order.

Sources: modprobe(8) and modprobe.d(5) for the modules that are loaded before and after a module; the kernel's
include/linux/module.h for `depends` and `softdep`, which each module contains.
"""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from . import elf
from .errors import InfrastructureError
from .vmlinux import DecompressionError, decompress

REQUIRED_SUFFIX = ".required"  # in the name of a file whose module must load (init.sh uses it too)


def module_directories(root: Path, release: str) -> list[Path]:
    """Return the directories below `root` that contain modules of the kernel `release`."""
    candidates = [root / "lib/modules" / release, root / "usr/lib/modules" / release]
    return [path for path in dict.fromkeys(candidate.resolve() for candidate in candidates) if path.is_dir()]


def write_modules(target: Path, optional: Sequence[str], required: Sequence[str], directories: Sequence[Path]) -> None:
    """Write modules from `directories` and their dependencies to the directory `target`, named in the order of loading.

    Modules in `optional` that do not exist are left out.

    Raises:
        InfrastructureError: a `required` module neither exists nor is built in, or a module cannot be read.
    """
    available = {_normalized(path.name): path for directory in directories for path in directory.rglob("*.ko*")}
    for name in required:
        if _normalized(name) not in available and _normalized(name) not in _built_in(directories):
            raise InfrastructureError(
                f"this kernel has no module {name}, and it is not built in",
                hint="correct guest.modules in the manifest, or choose another kernel with --kernel",
            )
    must_load = {_normalized(name) for name in required}
    target.mkdir(exist_ok=True)
    for number, (name, content) in enumerate(_load_order([*optional, *required], available).items()):
        suffix = REQUIRED_SUFFIX if name in must_load else ""
        (target / f"{number:03}-{name}{suffix}.ko").write_bytes(content)


def module_files(directory: Path) -> tuple[Path, ...]:
    """Return the modules that `write_modules` wrote to `directory`, in the order of loading."""
    return tuple(sorted(directory.glob("*.ko")))


def _normalized(name: str) -> str:
    """Return the kernel's name of the module in the file `name`."""
    return name.partition(".ko")[0].replace("-", "_")


def _built_in(directories: Sequence[Path]) -> set[str]:
    listings = [listing for directory in directories for listing in directory.glob("modules.builtin")]
    return {_normalized(Path(line).name) for listing in listings for line in listing.read_text().splitlines()}


def _load_order(names: Iterable[str], available: dict[str, Path]) -> dict[str, bytes]:
    """Return the modules `names` and their dependencies in the order of loading; built-in ones have no file."""
    order: dict[str, bytes] = {}
    visited: set[str] = set()  # dependencies can be circular

    def add(name: str) -> None:
        if name in visited or name not in available:
            return
        visited.add(name)
        content = _read_module(available[name])
        before, after = _dependencies(content)
        for dependency in before:
            add(dependency)
        order[name] = content
        for dependency in after:
            add(dependency)

    for name in names:
        add(_normalized(name))
    return order


def _dependencies(content: bytes) -> tuple[list[str], list[str]]:
    """Return the modules to load before and after the module `content`."""
    depends = re.search(rb"\0depends=([\w,-]*)\0", content)
    before = depends[1].decode().split(",") if depends else []
    after: list[str] = []
    for softdep in re.findall(rb"\bsoftdep=([^\0]*)\0", content):
        names = before
        for word in softdep.decode(errors="replace").split():
            if word in ("pre:", "post:"):
                names = after if word == "post:" else before
            else:
                names.append(word)
    return [_normalized(name) for name in before], [_normalized(name) for name in after]


def _read_module(path: Path) -> bytes:
    data = path.read_bytes()
    try:
        return data if elf.is_elf(data) else b"".join(decompress(data))
    except DecompressionError as error:
        raise InfrastructureError(f"cannot decompress module {path}: {error}") from None
