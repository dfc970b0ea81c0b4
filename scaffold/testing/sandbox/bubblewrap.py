# SPDX-License-Identifier: BSD-2-Clause
"""One command in a sandbox: its own processes, no network, and a file system of which nothing outlives it.

It sees the programs of this machine (/usr), a few files of /etc, and what it is given, all for reading only. It can
write in one place, of bounded size, which holds its home, its temporary files and its copy of a repository. There are
no secrets of the user's inside, no keys, no other project, and no device but /dev/null and its like.
"""

import ctypes
import json
import os
import select
import shlex
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, Any

from scaffold.testing.build import BuildResult, run_limited
from scaffold.testing.sandbox.group import SECONDS_TO_END, CgroupParents, Group, new_group
from scaffold.testing.sandbox.limits import Limits
from scaffold.testing.sandbox.seccomp import filter_program

PLACE = "/box"
PROJECT = f"{PLACE}/project"
HOME = f"{PLACE}/home"
SOURCE = "/source"
SEED = "/seed.tar"
STORE = "/store"
TOOLS = "/tools"
ROOT = "/toolchain"
LINKED = ("bin", "lib", "lib32", "lib64", "libx32", "sbin")  # into /usr on most systems, directories on others
SETTINGS = ("alternatives", "ld.so.cache", "ld.so.conf", "ld.so.conf.d")  # of /etc
TYPES = "/sys/kernel/btf"  # of the kernel: many builds make vmlinux.h of them
DIRECTORIES = ("/etc", "/sys", "/sys/kernel", TOOLS)
SHARED_BYTES = 64 << 20
PRINTED = 256  # MiB
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# No range for users of anybody's: https://systemd.io/UIDS-GIDS
FIRST_UID = 0x70000000
USER = 1000  # inside, where it is another's outside
# What root's sandbox needs until it becomes a user without rights: to read, hand over and become.
FOR_ROOT = ("CHOWN", "DAC_READ_SEARCH", "FOWNER", "SETGID", "SETPCAP", "SETUID")
PR_SET_CHILD_SUBREAPER = 36  # prctl(2)
_libc = ctypes.CDLL(None)
NO_RIGHTS = ("--clear-groups", "--inh-caps=-all", "--bounding-set=-all", "--no-new-privs")


@dataclass(frozen=True)
class Toolchain:
    """What a framework's builds find in the sandbox besides the programs in /usr."""

    root: str = ""  # directory of a toolchain, whose bin comes first on PATH
    tools: Mapping[str, str] = field(default_factory=dict)  # files by the name that they are called by
    variables: Mapping[str, str] = field(default_factory=dict)
    store: Path | None = None  # what was fetched beforehand
    unfetched: str = ""  # a pattern for what a toolchain says of what was not fetched
    seed: Path | None = None  # an archive of what a first build leaves for others, unpacked into PLACE


@dataclass(frozen=True)
class Request:
    """The files that are to be had of a build, relative to `below`, and how much they may hold."""

    files: tuple[str, ...]
    below: str = PROJECT
    most_bytes: int = 64 << 20
    only_made: bool = False  # by this build: what has their names before is removed


@dataclass(frozen=True)
class Sandbox:
    """A sandbox for a command, by whoever calls it."""

    limits: Limits
    places: CgroupParents | None  # None: the memory of all processes together has no bound
    equipment: Toolchain = Toolchain()

    def build(
        self, command: Sequence[str], source: Path, seconds: float, wanted: Request, archive: IO[bytes]
    ) -> BuildResult:
        """Run `command` in a copy of the directory `source`, and write what is `wanted` of it then to `archive`.

        Symbolic links are followed, as far as they lead to something in the sandbox.

        Raises:
            OSError: it cannot be started.
        """
        files = wanted.files
        steps = ["set -eu", f"cd {wanted.below}"]
        if wanted.only_made:
            steps.append(shlex.join(["rm", "-rf", "--", *files]))
        if self.equipment.seed:
            steps.append(f"tar --extract --file {SEED} --directory {PLACE}")
        if command:
            steps += [f"(cd {PROJECT} && exec {shlex.join(command)}) </dev/null"]
        steps += [f"[ -e {shlex.quote(file)} ] || {{ {_complaint(file)}; exit 1; }}" for file in files]
        tar = ["tar", "--create", "--dereference", "--hard-dereference", "--format=posix", "--file=-", "--", *files]
        if files:  # standard input is the archive
            steps.append(f"exec prlimit --fsize={min(wanted.most_bytes, self.limits.disk_bytes)} {shlex.join(tar)} >&0")
        preparations = [
            "set -eu",
            f"mkdir {PROJECT} {HOME} {PLACE}/tmp",
            f"cp --recursive --no-dereference --preserve=mode,timestamps,links {SOURCE}/. {PROJECT}",
            f'[ -z "$1" ] || chown --recursive --no-dereference "$1:$1" {PLACE}',
            "shift",
            'exec "$@"',
        ]
        inside = ["/bin/sh", "-c", "\n".join(preparations), "sh", _user_without_rights()]
        inside += [*self._bounds(), "/bin/sh", "-c", "\n".join(steps)]
        return self._run(inside, {SOURCE: source}, seconds, archive)

    def ask(self, command: Sequence[str], directory: Path, seconds: float) -> BuildResult:
        """Run `command`, which sees `directory` in /source and leaves nothing behind.

        Raises:
            OSError: it cannot be started.
        """
        return self._run([*self._bounds(), *command], {SOURCE: directory}, seconds)

    def _run(
        self, command: Sequence[str], mounts: Mapping[str, Path], seconds: float, archive: IO[bytes] | None = None
    ) -> BuildResult:
        with tempfile.TemporaryFile() as calls, tempfile.TemporaryFile() as told:
            words = [*self._bubblewrap(mounts), "--info-fd", str(told.fileno())]
            if program := filter_program():
                calls.write(program)
                calls.seek(0)
                words += ["--seccomp", str(calls.fileno())]
            # What this process has in its environment could be read from that of bubblewrap.
            options: dict[str, Any] = {"env": {"PATH": os.environ.get("PATH", PATH)}}
            options["pass_fds"] = [calls.fileno(), told.fileno()]
            if archive:
                options["stdin"] = archive
            with _adoption():
                try:
                    return self._in_group([*words, "--", *command], seconds, options)
                finally:
                    _wait_until_empty(told)

    def _in_group(self, command: Sequence[str], seconds: float, options: Mapping[str, Any]) -> BuildResult:
        group = new_group(self.places, self.limits.group_bytes) if self.places else nullcontext(Group(()))
        with group as joined:
            built = run_limited(joined.command(command), Path("/"), seconds, PRINTED, **options)
            if self.places and joined.ran_out_of_memory:
                return replace(built, limit=f"it took more than {self.limits.memory} MiB of memory")
        return built

    def _bubblewrap(self, mounts: Mapping[str, Path]) -> list[str]:
        words = [
            "bwrap", "--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try",
            "--die-with-parent", "--new-session", "--hostname", "sandbox", "--clearenv",
        ]  # fmt: skip
        if os.geteuid() == 0:
            words += ["--cap-drop", "ALL", *(word for each in FOR_ROOT for word in ("--cap-add", f"CAP_{each}"))]
        else:
            words += ["--unshare-user", "--uid", str(USER), "--gid", str(USER)]
        for name, value in self._variables().items():
            words += ["--setenv", name, value]
        words += _system()
        words += ["--perms", "1777", "--size", str(min(self.limits.disk_bytes, SHARED_BYTES)), "--tmpfs", "/dev/shm"]
        words += ["--perms", "0755", "--size", str(self.limits.disk_bytes), "--tmpfs", PLACE]
        words += ["--symlink", f"{PLACE}/tmp", "/tmp"]
        for place, path in {**dict(self._equipment()), **mounts}.items():
            words += ["--ro-bind", str(path.absolute()), place]
        return [*words, "--remount-ro", "/dev", "--remount-ro", "/", "--chdir", PLACE]

    def _equipment(self) -> Iterator[tuple[str, Path]]:
        """Yield where each part of the equipment stands inside, and outside."""
        equipment = self.equipment
        if equipment.root and not is_system(equipment.root):
            yield ROOT, Path(equipment.root)
        for name, path in equipment.tools.items():
            yield f"{TOOLS}/{name}", Path(path)
        if equipment.store:
            yield STORE, equipment.store
        if equipment.seed:
            yield SEED, equipment.seed

    def _variables(self) -> dict[str, str]:
        root = self.equipment.root
        path = [*([f"{root if is_system(root) else ROOT}/bin"] if root else []), TOOLS, PATH]
        own = {"PATH": ":".join(path), "HOME": HOME, "USER": "student", "LOGNAME": "student", "LANG": "C.UTF-8"}
        return {**own, **self.equipment.variables}

    def _bounds(self) -> list[str]:
        """Return what bounds each process inside, and takes root's rights away."""
        user = _user_without_rights()
        become = ["setpriv", "--reuid", user, "--regid", user, *NO_RIGHTS] if user else []
        limits = self.limits
        return [*become, "prlimit", "--core=0", f"--nproc={limits.processes}", f"--fsize={limits.disk_bytes}"]


@contextmanager
def _adoption() -> Iterator[None]:
    """Become the parent of processes that lose theirs, since not every machine has one that cares for them."""
    _libc.prctl(PR_SET_CHILD_SUBREAPER, 1)
    try:
        yield
    finally:
        _libc.prctl(PR_SET_CHILD_SUBREAPER, 0)


def _wait_until_empty(told: IO[bytes]) -> None:
    """Wait for the first process inside, which ends after all others, by what bubblewrap has `told` of it."""
    told.seek(0)
    said = told.read()
    with suppress(ProcessLookupError, ChildProcessError):
        first = json.loads(said)["child-pid"] if said else None
        if first is not None:
            descriptor = os.pidfd_open(first)
            select.select([descriptor], [], [], SECONDS_TO_END)
            os.close(descriptor)
            os.waitpid(first, os.WNOHANG)


def _system() -> Iterator[str]:
    """Yield the options that show what every sandbox has of this machine."""
    yield from ("--ro-bind", "/usr", "/usr")
    for name in LINKED:
        there = Path("/", name)
        if there.is_symlink():
            yield from ("--symlink", str(there.readlink()), str(there))
        elif there.is_dir():
            yield from ("--ro-bind", str(there), str(there))
    for directory in DIRECTORIES:  # what it makes by itself for a mount, bubblewrap keeps for root
        yield from ("--perms", "0755", "--dir", directory)
    for path in (*(f"/etc/{name}" for name in SETTINGS), TYPES):
        yield from ("--ro-bind-try", path, path)
    yield from ("--proc", "/proc", "--dev", "/dev")


def is_system(path: str) -> bool:
    """Tell whether `path` leads to what every sandbox has."""
    return path.startswith("/usr/")


def _user_without_rights() -> str:
    """Return the user that root's builds run as, one for each process that builds at this moment; "" for others."""
    return str(FIRST_UID + os.getpid()) if os.geteuid() == 0 else ""


def _complaint(file: str) -> str:
    return shlex.join(["echo", f"error: {file} is not there after the build, or leads out of the sandbox"])
