# SPDX-License-Identifier: BSD-2-Clause
"""What one build may take of the machine."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """How much a build may have: of memory beside that of its files, of files, each in MiB, and of processes."""

    memory: int = 2048
    disk: int = 1024
    processes: int = 512  # threads count

    @property
    def disk_bytes(self) -> int:
        """Return what all of its files may hold together."""
        return self.disk << 20

    @property
    def group_bytes(self) -> int:
        """Return what its control group may hold: its files are in memory too."""
        return (self.memory + self.disk) << 20
