# SPDX-License-Identifier: BSD-2-Clause
"""Control groups: what bounds the memory of many processes together.

There are two versions, and a machine may have both. Source: Linux Documentation/admin-guide/cgroup-v2.rst, and
cgroup-v1/memory.rst.
"""

import os
import secrets
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

NAME = "ebpf-new-"
JOIN = 'until [ "$1" = -- ]; do echo 0 >"$1" || exit; shift; done; shift; exec "$@"'
SECONDS_TO_END = 60.0
A_WHILE = 60.0  # seconds


@dataclass(frozen=True)
class CgroupParents:
    """Where this process can make a group: below `memory`, and below `processor` so that it gets no more of the
    processor than one of ours, if there is that."""

    memory: Path
    processor: Path | None = None


@dataclass(frozen=True)
class Group:
    """A group of processes."""

    directories: tuple[Path, ...]

    def command(self, command: Sequence[str]) -> list[str]:
        """Return a command that joins the group and becomes `command`."""
        files = [str(directory / "cgroup.procs") for directory in self.directories]
        return ["/bin/sh", "-c", JOIN, "sh", *files, "--", *command]

    @property
    def ran_out_of_memory(self) -> bool:
        """Tell whether the kernel has ended a process because the group had all its memory."""
        for name in ("memory.events", "memory.oom_control"):
            with suppress(OSError):
                words = (self.directories[0] / name).read_text().split()
                return int(words[words.index("oom_kill") + 1]) > 0
        return False


def find_cgroup_parents(own: str | None = None, mounts: str | None = None) -> CgroupParents | None:
    """Return where groups can be made, and None where this user may make none.

    `own` and `mounts` are what /proc/self/cgroup and /proc/self/mountinfo say.
    """
    own = Path("/proc/self/cgroup").read_text() if own is None else own
    mounts = Path("/proc/self/mountinfo").read_text() if mounts is None else mounts
    found = dict(_own_directories(own, mounts))
    if unified := found.get(""):
        for directory in (unified, *unified.parents):
            if "memory" in _enabled(directory) and _is_ours(directory):
                return CgroupParents(directory)
    memory, processor = found.get("memory"), found.get("cpu")
    if memory and _is_ours(memory):
        return CgroupParents(memory, processor if processor and _is_ours(processor) else None)
    return None


def delegate_container_cgroup() -> CgroupParents | None:
    """Have the second version's limits where nobody else has cared for them: at the top of a container, or of all.

    The processes of a container move into a group below, since limits are for groups of which the parent is empty.
    """
    own, mounts = Path("/proc/self/cgroup").read_text(), Path("/proc/self/mountinfo").read_text()
    top = dict(_own_directories(own, mounts)).get("")
    if top is None or not os.path.ismount(top) or not _is_ours(top):
        return None
    try:
        if "memory" not in (top / "cgroup.controllers").read_text().split():
            return None
        if (top / "cgroup.type").exists():  # the top of all has none, and may keep its processes
            below = top / f"{NAME}others"
            below.mkdir(exist_ok=True)
            for pid in (top / "cgroup.procs").read_text().split():
                with suppress(ProcessLookupError):
                    (below / "cgroup.procs").write_text(pid)
        (top / "cgroup.subtree_control").write_text("+memory")
        with suppress(OSError):
            (top / "cgroup.subtree_control").write_text("+cpu")
    except OSError:
        return None
    return CgroupParents(top)


def _own_directories(own: str, mounts: str) -> Iterator[tuple[str, Path]]:
    """Yield this process's directory in each hierarchy, by controller; "" is that of the second version."""
    groups: dict[str, str] = {}
    for line in own.splitlines():
        _, controllers, path = line.split(":", 2)
        groups |= dict.fromkeys(controllers.split(","), path)
    for line in mounts.splitlines():
        before, _, after = line.partition(" - ")
        root, place = before.split()[3:5]
        kind, _, options = after.split()
        named = [""] if kind == "cgroup2" else options.split(",") if kind == "cgroup" else []
        for controller in named:
            path = groups.get(controller, "")
            if path and os.path.commonpath([root, path]) == root:
                yield controller, Path(place, os.path.relpath(path, root))


def _enabled(directory: Path) -> set[str]:
    try:
        return set((directory / "cgroup.subtree_control").read_text().split())
    except OSError:
        return set()


def _is_ours(directory: Path) -> bool:
    """Tell whether groups can be made in `directory` and processes moved there: in a mount that is for reading, root
    cannot either."""
    return os.access(directory, os.W_OK) and os.access(directory / "cgroup.procs", os.W_OK)


def remove_stale_groups(places: CgroupParents) -> None:
    """Remove the groups that killed runs have left: those of processes that are gone from here for a while."""
    for parent in filter(None, (places.memory, places.processor)):
        for directory in parent.glob(f"{NAME}[0-9]*"):
            owner = directory.name.removeprefix(NAME).partition("-")[0]
            with suppress(OSError):  # one that has processes cannot be removed
                # Another container's process may be there, and not to be seen.
                if not Path("/proc", owner).exists() and time.time() - directory.stat().st_mtime > A_WHILE:
                    directory.rmdir()


@contextmanager
def new_group(places: CgroupParents, limit: int) -> Iterator[Group]:
    """Make a group whose memory is at most `limit` bytes, and end what is in it with the block.

    Raises:
        OSError: it cannot be made.
    """
    name = f"{NAME}{os.getpid()}-{secrets.token_hex(4)}"
    parents = [places.memory, *([places.processor] if places.processor else [])]
    group = Group(tuple(parent / name for parent in parents))
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
        swap, most = directory / "memory.swap.max", 0
    else:
        (directory / "memory.limit_in_bytes").write_text(str(limit))
        swap, most = directory / "memory.memsw.limit_in_bytes", limit
    if swap.exists():
        swap.write_text(str(most))


def _prioritise(group: Group) -> None:
    """Give what is to end all of the processor: a process dies when it is its turn, and hundreds share that of one."""
    for directory in group.directories:
        for name, most in (("cpu.weight", "10000"), ("cpu.shares", "262144")):
            with suppress(OSError):
                if (directory / name).exists():
                    (directory / name).write_text(most)


def _remove(directory: Path) -> None:
    deadline = time.monotonic() + SECONDS_TO_END
    while directory.exists() and time.monotonic() < deadline:
        with suppress(OSError):
            _kill(directory)
        try:
            directory.rmdir()
        except OSError:  # what was killed is not gone yet
            time.sleep(0.01)


def _kill(directory: Path) -> None:
    if (directory / "cgroup.kill").exists():
        (directory / "cgroup.kill").write_text("1")
        return
    for pid in (directory / "cgroup.procs").read_text().split():
        with suppress(ProcessLookupError):
            os.kill(int(pid), signal.SIGKILL)
