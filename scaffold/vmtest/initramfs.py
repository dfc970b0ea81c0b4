# SPDX-License-Identifier: BSD-2-Clause
"""Write cpio archives in the newc format: the initramfs of a guest, and the payload of a run.

Source: Linux Documentation/driver-api/early-userspace/buffer-format.rst.
"""

import stat
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from . import elf
from .architecture import ARCHITECTURES, architecture_of_elf, host_architecture
from .errors import InfrastructureError

# Where Debian keeps the libraries of another architecture.
FOREIGN_LIBRARIES = ("/usr/lib/{}-linux-gnu", "/lib/{}-linux-gnu", "/usr/{}-linux-gnu/lib")


@dataclass(frozen=True)
class Entry:
    """One file of an archive: `path` is relative to the root of the guest, `mode` includes the file type."""

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


def host_file(path: Path, target: str) -> Entry:
    """Return the file `path` of this machine as the file `target` of the guest, with its permissions.

    Raises:
        OSError: the file cannot be read.
    """
    return file(target, path.read_bytes(), stat.S_IMODE(path.stat().st_mode) | 0o444)


def archive(entries: Iterable[Entry]) -> bytes:
    """Return the newc archive of `entries` and their parent directories.

    The same entries always give the same bytes. If two entries have the same path, the first one counts.
    """
    files: dict[str, Entry] = {}
    directories: dict[str, Entry] = {}
    for entry in entries:
        files.setdefault(entry.path, entry)
        for parent in reversed(PurePosixPath(entry.path).parents[:-1]):
            directories[str(parent)] = directory(str(parent))
    ordered = [*directories.values(), *(entry for entry in files.values() if entry.path not in directories)]
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


def libraries(program: Path) -> list[Entry]:
    """Return the interpreter and all shared libraries that `program` loads, at their own paths.

    A static program, a script or a data file has none.

    Raises:
        InfrastructureError: the program is for another architecture, and this machine does not have its libraries.
        OSError: a file cannot be read.
    """
    data = program.read_bytes()
    interpreter = elf.interpreter(data)
    if interpreter is None:
        return []
    if elf.machine(data) != host_architecture().elf_machine:
        return _foreign_libraries(program, data)
    listing = subprocess.run([interpreter, "--list", str(program)], capture_output=True, text=True, check=False)
    paths = {interpreter, *parse_library_list(listing.stdout)}
    return [file(path.lstrip("/"), Path(path).read_bytes()) for path in sorted(paths)]


def parse_library_list(listing: str) -> list[str]:
    """Return the paths of the libraries in the output of an interpreter with --list."""
    names = [line.rpartition("=>")[2].strip().partition(" (")[0] for line in listing.splitlines()]
    return [name for name in names if name.startswith("/")]


def _foreign_libraries(program: Path, data: bytes) -> list[Entry]:
    """Find libraries by name, because the interpreter of another architecture cannot run on this machine."""
    architecture = architecture_of_elf(elf.machine(data))
    if architecture is None:
        raise InfrastructureError(
            f"{program} is for an unknown machine (ELF number {elf.machine(data)}): "
            f"expected a program for {' or '.join(ARCHITECTURES)}"
        )
    machine = architecture.machine
    directories = [Path(pattern.format(machine)) for pattern in FOREIGN_LIBRARIES]
    contents: dict[str, bytes] = {}
    pending = [str(elf.interpreter(data)), *elf.needed_libraries(data)]
    while pending:
        name = pending.pop()
        if name in contents:
            continue
        candidates = [Path(name), *(path / Path(name).name for path in directories)]
        library = next((path for path in candidates if path.is_absolute() and path.is_file()), None)
        if library is None:
            raise InfrastructureError(
                f"library {name} of {program} not found for {machine}", hint="build a static program (make dist)"
            )
        contents[name] = library.read_bytes()
        pending += elf.needed_libraries(contents[name])
    inside = f"lib/{machine}-linux-gnu"
    return [file(name.lstrip("/") if "/" in name else f"{inside}/{name}", contents[name]) for name in sorted(contents)]
