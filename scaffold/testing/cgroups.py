# SPDX-License-Identifier: BSD-2-Clause
"""The control groups of this process, and the memory that they leave to it.

A system has version 1 of control groups, version 2, or both. Sources: cgroups(7), proc_meminfo(5),
proc_pid_mountinfo(5); the kernel's Documentation/admin-guide/cgroup-v2.rst.
"""

import os
import re
from collections.abc import Iterator
from pathlib import Path

VERSION_2 = ""  # the key of its only hierarchy; those of version 1 are called by their controllers


def own_cgroups(membership: str | None = None, mounts: str | None = None) -> dict[str, Path]:
    """Return the directory of this process's control group in each mounted hierarchy, by controller or `VERSION_2`.

    `membership` and `mounts` are the texts of /proc/self/cgroup and /proc/self/mountinfo.
    """
    membership = Path("/proc/self/cgroup").read_text() if membership is None else membership
    mounts = Path("/proc/self/mountinfo").read_text() if mounts is None else mounts
    groups: dict[str, str] = {}
    for line in membership.splitlines():
        _, controllers, group = line.split(":", 2)
        groups |= dict.fromkeys(controllers.split(","), group)
    return dict(_directories(groups, mounts))


def _directories(groups: dict[str, str], mounts: str) -> Iterator[tuple[str, Path]]:
    for line in mounts.splitlines():
        before, _, after = line.partition(" - ")
        root, mount_point = before.split()[3:5]
        file_system, *_, options = after.split()
        version_1 = options.split(",") if file_system == "cgroup" else []
        for controller in [VERSION_2] if file_system == "cgroup2" else version_1:
            group = groups.get(controller, "")
            if group and os.path.commonpath([root, group]) == root:
                yield controller, Path(mount_point, os.path.relpath(group, root))


def free_memory(meminfo: str | None = None, membership: str | None = None, mounts: str | None = None) -> int:
    """Return the bytes that this process and its children can still use.

    This is what the machine has available, or less if a control group around this process (of version 2) leaves less.
    `meminfo` is the text of /proc/meminfo; for the others see `own_cgroups`.
    """
    meminfo = Path("/proc/meminfo").read_text() if meminfo is None else meminfo
    available = re.search(r"^MemAvailable:\s+(\d+) kB", meminfo, re.MULTILINE)
    free: list[int] = [int(available[1]) << 10] if available else []
    group = own_cgroups(membership, mounts).get(VERSION_2)
    if group:
        free += _memory_left(group)
    return min(free)


def _memory_left(group: Path) -> Iterator[int]:
    """Yield the bytes that `group` and each group around it leave, where they limit memory at all."""
    for directory in (group, *group.parents):
        limit, used, statistics = (_read(directory / f"memory.{name}") for name in ("max", "current", "stat"))
        cached = re.search(r"^inactive_file (\d+)$", statistics, re.MULTILINE)
        if limit.isdecimal() and used.isdecimal() and cached:
            yield int(limit) - int(used) + int(cached[1])


def _read(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""
