# SPDX-License-Identifier: BSD-2-Clause
"""Which of a kernel's modules a guest loads, and in which order.

Sources: modprobe(8) and modprobe.d(5) for what is loaded before and after a module; the kernel's
include/linux/module.h for `depends` and `softdep`, which each module carries.
"""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from .errors import InfrastructureError
from .vmlinux import DecompressionError, decompress

REQUIRED = ".required"  # in the name of a file whose module must load (init.sh knows it too)


def module_trees(root: Path, release: str) -> list[Path]:
    """Return the directories below `root` that have the modules of kernel `release`."""
    places = [root / "lib/modules" / release, root / "usr/lib/modules" / release]
    return [place for place in dict.fromkeys(each.resolve() for each in places) if place.is_dir()]


def write_modules(target: Path, wanted: Sequence[str], required: Sequence[str], trees: Sequence[Path]) -> None:
    """Write the modules `wanted` and `required`, and what they depend on, to `target`, named in the order of loading.

    Those wanted that are not there are left out.

    Raises:
        InfrastructureError: one that is required is neither there nor built in, or one cannot be read.
    """
    available = {_plain(path.name): path for tree in trees for path in tree.rglob("*.ko*")}
    for name in required:
        if _plain(name) not in available and _plain(name) not in _built_in(trees):
            raise InfrastructureError(f"this kernel has no module {name}, and it is not built in: see guest.modules")
    must = {_plain(name) for name in required}
    target.mkdir(exist_ok=True)
    for number, (name, content) in enumerate(_load_order(map(_plain, [*wanted, *required]), available).items()):
        (target / f"{number:03}-{name}{REQUIRED if name in must else ''}.ko").write_bytes(content)


def in_order(directory: Path) -> tuple[Path, ...]:
    """Return the modules that were written to `directory`."""
    return tuple(sorted(directory.glob("*.ko")))


def _plain(name: str) -> str:
    return name.partition(".ko")[0].replace("-", "_")


def _built_in(trees: Sequence[Path]) -> set[str]:
    listings = [listing for tree in trees for listing in tree.glob("modules.builtin")]
    return {_plain(Path(line).name) for listing in listings for line in listing.read_text().splitlines()}


def _load_order(wanted: Iterable[str], available: dict[str, Path]) -> dict[str, bytes]:
    """Return the modules `wanted` with those that each needs around it; built-in ones have no file."""
    order: dict[str, bytes] = {}
    begun: set[str] = set()  # some ask for each other

    def add(name: str) -> None:
        if name in begun or name not in available:
            return
        begun.add(name)
        content = _content(available[name])
        before, after = _needed(content)
        for each in before:
            add(each)
        order[name] = content
        for each in after:
            add(each)

    for name in wanted:
        add(name)
    return order


def _needed(content: bytes) -> tuple[list[str], list[str]]:
    """Return the modules that are to be loaded before and after the module `content`."""
    depends = re.search(rb"\0depends=([\w,-]*)\0", content)
    before = depends[1].decode().split(",") if depends else []
    after: list[str] = []
    for soft in re.findall(rb"\bsoftdep=([^\0]*)\0", content):
        place = before
        for word in soft.decode(errors="replace").split():
            if word in ("pre:", "post:"):
                place = after if word == "post:" else before
            else:
                place.append(word)
    return [_plain(name) for name in before], [_plain(name) for name in after]


def _content(path: Path) -> bytes:
    packed = path.read_bytes()
    try:
        return packed if packed[:4] == b"\x7fELF" else b"".join(decompress(packed))
    except DecompressionError as error:
        raise InfrastructureError(f"module {path} cannot be decompressed: {error}") from None
