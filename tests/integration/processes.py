# SPDX-License-Identifier: BSD-2-Clause
"""Find the processes that a test started, by a text in their environment."""

from pathlib import Path


def processes_of(marker: str) -> list[int]:
    """Return the pids of the running processes that have `marker` in their environment."""
    return [pid for pid, _ in _pids_and_commands(marker)]


def guests_of(marker: str) -> list[int]:
    """Return the pids of the QEMU processes among those of `processes_of`."""
    return [pid for pid, command in _pids_and_commands(marker) if b"qemu-system" in command]


def _pids_and_commands(marker: str) -> list[tuple[int, bytes]]:
    processes = []
    for directory in Path("/proc").glob("[0-9]*"):
        try:
            if marker.encode() in (directory / "environ").read_bytes():
                processes.append((int(directory.name), (directory / "cmdline").read_bytes()))
        except OSError:  # it has ended, or belongs to another user
            continue
    return processes
