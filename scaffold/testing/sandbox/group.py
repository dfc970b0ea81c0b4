# SPDX-License-Identifier: BSD-2-Clause
"""Control groups that limit the memory of all processes of a build together.

A system has version 1 of control groups, version 2, or both. Sources: the kernel's
Documentation/admin-guide/cgroup-v2.rst and cgroup-v1/memory.rst.
"""

import os
import secrets
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from scaffold.testing.cgroups import VERSION_2, own_cgroups

PREFIX = "ebpf-new-"  # of the names of our groups, before the PID that created them
JOIN = 'until [ "$1" = -- ]; do echo 0 >"$1" || exit; shift; done; shift; exec "$@"'
TERMINATION_SECONDS = 60.0
STALE_SECONDS = 60.0


@dataclass(frozen=True)
class CgroupParents:
    """The control groups in which this process can create one with a memory limit, and one with a share of the CPU."""

    memory: Path
    cpu: Path | None = None  # of version 1, if there is one; in version 2 `memory` is for both


@dataclass(frozen=True)
class Cgroup:
    """A control group, which is one directory or, in version 1, one in each hierarchy."""

    directories: tuple[Path, ...]

    def command(self, command: Sequence[str]) -> list[str]:
        """Return a command that joins the group and then executes `command`."""
        files = [str(directory / "cgroup.procs") for directory in self.directories]
        return ["/bin/sh", "-c", JOIN, "sh", *files, "--", *command]

    @property
    def ran_out_of_memory(self) -> bool:
        """Return whether the kernel killed a process because the group reached its memory limit."""
        for name in ("memory.events", "memory.oom_control"):
            with suppress(OSError):
                fields = (self.directories[0] / name).read_text().split()
                return int(fields[fields.index("oom_kill") + 1]) > 0
        return False


def find_cgroup_parents(membership: str | None = None, mounts: str | None = None) -> CgroupParents | None:
    """Return the control groups in which this user can create others, or None if there are none.

    `membership` and `mounts` are the texts of /proc/self/cgroup and /proc/self/mountinfo.
    """
    own = own_cgroups(membership, mounts)
    if group := own.get(VERSION_2):
        for directory in (group, *group.parents):
            if "memory" in _enabled_controllers(directory) and _is_writable(directory):
                return CgroupParents(directory)
    memory, cpu = own.get("memory"), own.get("cpu")
    if memory and _is_writable(memory):
        return CgroupParents(memory, cpu if cpu and _is_writable(cpu) else None)
    return None


def delegate_container_cgroup() -> CgroupParents | None:
    """Enable the memory controller in the topmost group that this process sees, if nothing else manages that group.

    This works in a privileged container, and without systemd. In a container, all processes move to a group below the
    topmost one first, because a group with processes cannot limit groups in it.
    """
    top = own_cgroups().get(VERSION_2)
    if top is None or not os.path.ismount(top) or not _is_writable(top):
        return None
    try:
        if "memory" not in (top / "cgroup.controllers").read_text().split():
            return None
        if (top / "cgroup.type").exists():  # the root group of a machine has no type, and may keep its processes
            others = top / f"{PREFIX}others"
            others.mkdir(exist_ok=True)
            for pid in (top / "cgroup.procs").read_text().split():
                with suppress(ProcessLookupError):
                    (others / "cgroup.procs").write_text(pid)
        (top / "cgroup.subtree_control").write_text("+memory")
        with suppress(OSError):
            (top / "cgroup.subtree_control").write_text("+cpu")
    except OSError:
        return None
    return CgroupParents(top)


def _enabled_controllers(directory: Path) -> set[str]:
    try:
        return set((directory / "cgroup.subtree_control").read_text().split())
    except OSError:
        return set()


def _is_writable(directory: Path) -> bool:
    """Return whether this user can create groups in `directory` and move processes there.

    The permissions are not enough: in a mount that is read-only, root cannot do that either.
    """
    return os.access(directory, os.W_OK) and os.access(directory / "cgroup.procs", os.W_OK)


def remove_stale_cgroups(parents: CgroupParents) -> None:
    """Remove the groups that killed runs left: those whose process is gone, and that are not new."""
    for parent in filter(None, (parents.memory, parents.cpu)):
        for directory in parent.glob(f"{PREFIX}[0-9]*"):
            pid = directory.name.removeprefix(PREFIX).partition("-")[0]
            with suppress(OSError):  # a group with processes cannot be removed
                # The process may also be invisible because it is in another container: hence the time.
                if not Path("/proc", pid).exists() and time.time() - directory.stat().st_mtime > STALE_SECONDS:
                    directory.rmdir()


@contextmanager
def new_cgroup(parents: CgroupParents, limit: int) -> Iterator[Cgroup]:
    """Create a control group with a memory limit of `limit` bytes; kill its processes at the end of the block.

    Raises:
        OSError: the group cannot be created.
    """
    name = f"{PREFIX}{os.getpid()}-{secrets.token_hex(4)}"
    group = Cgroup(tuple(parent / name for parent in (parents.memory, parents.cpu) if parent))
    try:
        for directory in group.directories:
            directory.mkdir()
        _set_limit(group.directories[0], limit)
        yield group
    finally:
        _prioritise(group)
        for directory in group.directories:
            _remove(directory)


def _set_limit(directory: Path, limit: int) -> None:
    if (directory / "memory.max").exists():
        (directory / "memory.max").write_text(str(limit))
        swap, swap_limit = directory / "memory.swap.max", 0
    else:
        (directory / "memory.limit_in_bytes").write_text(str(limit))
        swap, swap_limit = directory / "memory.memsw.limit_in_bytes", limit
    if swap.exists():
        swap.write_text(str(swap_limit))


def _prioritise(group: Cgroup) -> None:
    """Give `group` the maximum share of the CPU: a killed process ends only when it runs, and there may be hundreds."""
    for directory in group.directories:
        for name, maximum in (("cpu.weight", "10000"), ("cpu.shares", "262144")):
            with suppress(OSError):
                if (directory / name).exists():
                    (directory / name).write_text(maximum)


def _remove(directory: Path) -> None:
    deadline = time.monotonic() + TERMINATION_SECONDS
    while directory.exists() and time.monotonic() < deadline:
        with suppress(OSError):
            _kill_processes(directory)
        try:
            directory.rmdir()
        except OSError:  # the killed processes have not ended yet
            time.sleep(0.01)


def _kill_processes(directory: Path) -> None:
    if (directory / "cgroup.kill").exists():
        (directory / "cgroup.kill").write_text("1")
        return
    for pid in (directory / "cgroup.procs").read_text().split():
        with suppress(ProcessLookupError):
            os.kill(int(pid), signal.SIGKILL)
