# SPDX-License-Identifier: BSD-2-Clause
"""Write cpio archives in the newc form: the guest's initramfs, and the payload of one run.

Source: Linux Documentation/driver-api/early-userspace/buffer-format.rst.
"""

import stat
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from . import elf
from .architecture import ARCHITECTURES, own_architecture
from .errors import InfrastructureError

FOREIGN_LIBRARIES = ("/usr/lib/{}-linux-gnu", "/lib/{}-linux-gnu", "/usr/{}-linux-gnu/lib")


@dataclass(frozen=True)
class Entry:
    """One file of an archive: `path` relative to the guest's root, `mode` with its type bits."""

    path: str
    mode: int
    data: bytes = b""
    device: tuple[int, int] = (0, 0)


def file(path: str, data: bytes, mode: int = 0o755) -> Entry:
    """Return a regular file."""
    return Entry(path, stat.S_IFREG | mode, data)


def directory(path: str) -> Entry:
    """Return an empty directory."""
    return Entry(path, stat.S_IFDIR | 0o755)


def symlink(path: str, target: str) -> Entry:
    """Return a symbolic link to `target`."""
    return Entry(path, stat.S_IFLNK | 0o777, target.encode())


def character_device(path: str, major: int, minor: int) -> Entry:
    """Return a character device."""
    return Entry(path, stat.S_IFCHR | 0o600, device=(major, minor))


def archive(entries: Iterable[Entry]) -> bytes:
    """Return the newc archive of `entries`, with the directories that they stand in.

    The same entries always give the same bytes. Of two entries with one path the first counts.
    """
    files: dict[str, Entry] = {}
    directories: dict[str, Entry] = {}
    for entry in entries:
        files.setdefault(entry.path, entry)
        for parent in reversed(PurePosixPath(entry.path).parents[:-1]):
            directories[str(parent)] = Entry(str(parent), stat.S_IFDIR | 0o755)
    ordered = [*directories.values(), *(e for e in files.values() if e.path not in directories)]
    records = [_record(number, entry) for number, entry in enumerate(ordered, start=1)]
    return b"".join([*records, _record(0, Entry("TRAILER!!!", 0))])


def _record(number: int, entry: Entry) -> bytes:
    name = entry.path.encode() + b"\0"
    fields = (
        number, entry.mode, 0, 0, 1, 0, len(entry.data), 0, 0, *entry.device, len(name), 0,
    )  # fmt: skip
    head = b"070701" + b"".join(b"%08x" % field for field in fields) + name
    return _padded(head) + _padded(entry.data)


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)


def program(path: Path, place: str) -> Entry:
    """Return the file `path` as the guest's file `place`, with its permissions.

    Raises:
        OSError: it cannot be read.
    """
    return file(place, path.read_bytes(), stat.S_IMODE(path.stat().st_mode) | 0o444)


def libraries(path: Path) -> list[Entry]:
    """Return the interpreter and all shared libraries that the program `path` loads.

    There are none for a static program, a script or a data file. They keep their own paths, where the
    program's interpreter looks for them.

    Raises:
        InfrastructureError: it is for another machine, and a library for that is not here.
        OSError: a file cannot be read.
    """
    data = path.read_bytes()
    interpreter = elf.interpreter(data)
    if interpreter is None:
        return []
    if elf.machine(data) != own_architecture().elf_machine:
        return _foreign_libraries(path, data)
    listing = subprocess.run([interpreter, "--list", str(path)], capture_output=True, text=True, check=False)
    found = {interpreter, *listed_libraries(listing.stdout)}
    return [file(library.lstrip("/"), Path(library).read_bytes()) for library in sorted(found)]


def listed_libraries(listing: str) -> list[str]:
    """Return the paths of the libraries in what an interpreter has said with --list."""
    named = [line.rpartition("=>")[2].strip().partition(" (")[0] for line in listing.splitlines()]
    return [name for name in named if name.startswith("/")]


def _foreign_libraries(path: Path, data: bytes) -> list[Entry]:
    """Find by name what an interpreter that cannot run here would: where Debian keeps another machine's libraries."""
    number = elf.machine(data)
    machine = next((each.machine for each in ARCHITECTURES.values() if each.elf_machine == number), None)
    if machine is None:
        known = " and ".join(ARCHITECTURES)
        raise InfrastructureError(
            f"{path} is a program for a machine (ELF number {number}) of which there are no guests: see {known}"
        )
    places = [Path(place.format(machine)) for place in FOREIGN_LIBRARIES]
    found: dict[str, bytes] = {}
    wanted = [str(elf.interpreter(data)), *elf.needed(data)]
    while wanted:
        name = wanted.pop()
        if name in found:
            continue
        candidates = [Path(name), *(place / Path(name).name for place in places)]
        library = next((each for each in candidates if each.is_absolute() and each.is_file()), None)
        if library is None:
            raise InfrastructureError(
                f"{path} loads {name}, which is not here for {machine}: make a static program (make dist)"
            )
        found[name] = library.read_bytes()
        wanted += elf.needed(found[name])
    inside = f"lib/{machine}-linux-gnu"
    return [file(name.lstrip("/") if "/" in name else f"{inside}/{name}", found[name]) for name in sorted(found)]
