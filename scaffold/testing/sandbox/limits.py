# SPDX-License-Identifier: BSD-2-Clause
"""The resources that one build in a sandbox may use."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """Limits of one build: memory (without its files) and all of its files in MiB, and the number of threads."""

    memory: int = 2048
    disk: int = 1024
    processes: int = 512  # every thread counts

    @property
    def disk_bytes(self) -> int:
        """Return how many bytes all files of the build may contain together."""
        return self.disk << 20

    @property
    def cgroup_bytes(self) -> int:
        """Return the memory limit of the build's control group in bytes. The files count too: they are in memory."""
        return (self.memory + self.disk) << 20
