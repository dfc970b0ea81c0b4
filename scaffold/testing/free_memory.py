# SPDX-License-Identifier: BSD-2-Clause
"""How much memory this process and its children may still take.

Sources: proc_meminfo(5); the kernel's Documentation/admin-guide/cgroup-v2.rst.
"""

import re
from pathlib import Path

MEMINFO = Path("/proc/meminfo")
OWN_GROUP = Path("/proc/self/cgroup")
GROUPS = Path("/sys/fs/cgroup")


def free_memory() -> int:
    """Return the bytes that are free: of the machine, or of the smallest control group around this process."""
    found = re.search(r"^MemAvailable:\s+(\d+) kB", MEMINFO.read_text(), re.MULTILINE)
    free = [int(found[1]) << 10] if found else []
    return min([*free, *_left_in_groups()])


def _left_in_groups() -> list[int]:
    own = re.search(r"^0::/(.*)$", OWN_GROUP.read_text(), re.MULTILINE)
    group = GROUPS / own[1] if own else GROUPS
    left = []
    for directory in (group, *group.parents):
        limit, used = (_read(directory / name) for name in ("memory.max", "memory.current"))
        cached = re.search(r"^inactive_file (\d+)$", _read(directory / "memory.stat"), re.MULTILINE)
        if limit.isdecimal() and used.isdecimal() and cached:
            left.append(int(limit) - int(used) + int(cached[1]))
    return left


def _read(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""
