# SPDX-License-Identifier: BSD-2-Clause
"""Write cpio archives in the newc form: the guest's initramfs, and the payload of one run.

Source: Linux Documentation/driver-api/early-userspace/buffer-format.rst.
"""

import stat
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath


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


def with_libraries(program: Path, place: str) -> list[Entry]:
    """Return `program` as the guest's file `place`, and all shared libraries that it loads.

    A static program, a script or a data file comes alone. Libraries keep their own paths, where the
    program's interpreter looks for them.

    Raises:
        OSError: a file cannot be read.
    """
    mode = stat.S_IMODE(program.stat().st_mode) | 0o444
    data = program.read_bytes()
    entries = [file(place, data, mode)]
    interpreter = _interpreter(data)
    if interpreter is None:
        return entries
    listing = subprocess.run([interpreter, "--list", str(program)], capture_output=True, text=True, check=False)
    libraries = {interpreter}
    for line in listing.stdout.splitlines():
        path = line.rpartition("=>")[2].strip().partition(" (")[0]
        if path.startswith("/"):
            libraries.add(path)
    entries += [file(path.lstrip("/"), Path(path).read_bytes()) for path in sorted(libraries)]
    return entries


def _interpreter(elf: bytes) -> str | None:
    """Return the path in the PT_INTERP segment of a 64-bit little-endian ELF file."""
    if elf[:6] != b"\x7fELF\x02\x01":
        return None
    phoff = int.from_bytes(elf[32:40], "little")
    size = int.from_bytes(elf[54:56], "little")
    for index in range(int.from_bytes(elf[56:58], "little")):
        header = elf[phoff + index * size :][:56]
        if int.from_bytes(header[:4], "little") == 3:
            start = int.from_bytes(header[8:16], "little")
            length = int.from_bytes(header[32:40], "little")
            return elf[start : start + length].rstrip(b"\0").decode()
    return None
