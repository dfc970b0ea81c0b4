# SPDX-License-Identifier: BSD-2-Clause
"""The processes that a test started, known by what it put into their environment."""

from pathlib import Path


def processes_of(marker: str) -> list[int]:
    """Return the pids of the processes that have `marker` in their environment, those that have ended excepted."""
    return [pid for pid, _ in _processes(marker)]


def guests_of(marker: str) -> list[int]:
    """Return the pids of the QEMU processes among them."""
    return [pid for pid, command in _processes(marker) if b"qemu-system" in command]


def _processes(marker: str) -> list[tuple[int, bytes]]:
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if marker.encode() in (process / "environ").read_bytes():
                found.append((int(process.name), (process / "cmdline").read_bytes()))
        except OSError:  # it ended meanwhile, or is another user's
            continue
    return found
