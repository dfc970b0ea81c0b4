# SPDX-License-Identifier: BSD-2-Clause
"""Run one command in a sandbox of bubblewrap: with processes of its own, no network, and a temporary file system.

The command sees the programs of this machine (/usr), a few files of /etc, and the directories that it is given: all of
them read-only. It can write to one file system of limited size, which contains its home, its temporary files and its
copy of a repository. It sees no secrets of the user, no other project, and only a few devices such as /dev/null.
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

from scaffold.testing.build import CommandResult, run_limited
from scaffold.testing.sandbox.group import TERMINATION_SECONDS, Cgroup, CgroupParents, new_cgroup
from scaffold.testing.sandbox.limits import Limits
from scaffold.testing.sandbox.seccomp import filter_program

# Paths in the sandbox.
WORK = "/box"  # the only file system that a command can write to
PROJECT = f"{WORK}/project"
HOME = f"{WORK}/home"
SOURCE = "/source"
SEED = "/seed.tar"
STORE = "/store"
TOOLS = "/tools"
TOOLCHAIN = "/toolchain"
MOUNT_POINTS = ("/etc", "/sys", "/sys/kernel", TOOLS)
# Paths of this machine that are in every sandbox too.
ROOT_DIRECTORIES = ("bin", "lib", "lib32", "lib64", "libx32", "sbin")  # links to /usr on most systems
ETC_FILES = ("alternatives", "ld.so.cache", "ld.so.conf", "ld.so.conf.d")
BTF = "/sys/kernel/btf"  # many builds create vmlinux.h from it
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

MAX_SHM_BYTES = 64 << 20
MAX_OUTPUT_MIB = 256
# The start of a range that no user is allocated from: https://systemd.io/UIDS-GIDS
FIRST_UID = 0x70000000
SANDBOX_UID = 1000  # of a user's sandbox, inside its user namespace
# Root's sandbox needs these to read and hand over the repository, and then to become a user without privileges.
ROOT_CAPABILITIES = ("CHOWN", "DAC_READ_SEARCH", "FOWNER", "SETGID", "SETPCAP", "SETUID")
DROP_PRIVILEGES = ("--clear-groups", "--inh-caps=-all", "--bounding-set=-all", "--no-new-privs")
PR_SET_CHILD_SUBREAPER = 36  # prctl(2)
_libc = ctypes.CDLL(None)


@dataclass(frozen=True)
class Toolchain:
    """The files and variables that the builds of a framework need in addition to the programs in /usr."""

    root: str = ""  # directory of a toolchain, whose bin comes first on PATH
    tools: Mapping[str, str] = field(default_factory=dict)  # the path of each further command, by its name
    variables: Mapping[str, str] = field(default_factory=dict)
    store: Path | None = None  # dependencies that were fetched before
    unfetched_pattern: str = ""  # matches the error of the toolchain about a dependency that was not fetched
    seed: Path | None = None  # a tar archive of build caches, which each build starts with; relative to WORK


@dataclass(frozen=True)
class ArtifactRequest:
    """The files to copy out of a sandbox after a build: paths relative to `directory`."""

    files: tuple[str, ...]
    directory: str = PROJECT
    max_bytes: int = 64 << 20
    must_be_new: bool = False  # remove files of these names before the build


@dataclass(frozen=True)
class Sandbox:
    """A sandbox in which any number of commands can run, one after the other or in parallel."""

    limits: Limits
    cgroups: CgroupParents | None  # None: the memory of all processes together has no limit
    toolchain: Toolchain = Toolchain()

    def build(
        self, command: Sequence[str], source: Path, seconds: float, request: ArtifactRequest, archive: IO[bytes]
    ) -> CommandResult:
        """Run `command` in a copy of the directory `source`, then write the requested files to `archive` (tar).

        A symbolic link among the files is replaced by the file that it leads to in the sandbox.

        Raises:
            OSError: the sandbox cannot be started.
        """
        files = request.files
        steps = ["set -eu", f"cd {request.directory}"]
        if request.must_be_new:
            steps.append(shlex.join(["rm", "-rf", "--", *files]))
        if self.toolchain.seed:
            steps.append(f"tar --extract --file {SEED} --directory {WORK}")
        if command:
            steps += [f"(cd {PROJECT} && exec {shlex.join(command)}) </dev/null"]
        steps += [f"[ -e {shlex.quote(file)} ] || {{ {_missing_file_error(file)}; exit 1; }}" for file in files]
        tar = ["tar", "--create", "--dereference", "--hard-dereference", "--format=posix", "--file=-", "--", *files]
        if files:  # standard input is the archive
            steps.append(f"exec prlimit --fsize={min(request.max_bytes, self.limits.disk_bytes)} {shlex.join(tar)} >&0")
        preparations = [
            "set -eu",
            f"mkdir {PROJECT} {HOME} {WORK}/tmp",
            f"cp --recursive --no-dereference --preserve=mode,timestamps,links {SOURCE}/. {PROJECT}",
            f'[ -z "$1" ] || chown --recursive --no-dereference "$1:$1" {WORK}',
            "shift",
            'exec "$@"',
        ]
        script = ["/bin/sh", "-c", "\n".join(preparations), "sh", _unprivileged_uid()]
        script += [*self._limiting_command(), "/bin/sh", "-c", "\n".join(steps)]
        return self._run(script, source, seconds, archive)

    def run(self, command: Sequence[str], directory: Path, seconds: float) -> CommandResult:
        """Run `command`, which sees `directory` as /source; all files that it writes are lost.

        Raises:
            OSError: the sandbox cannot be started.
        """
        return self._run([*self._limiting_command(), *command], directory, seconds)

    def _run(
        self, command: Sequence[str], source: Path, seconds: float, archive: IO[bytes] | None = None
    ) -> CommandResult:
        with tempfile.TemporaryFile() as seccomp, tempfile.TemporaryFile() as info:
            arguments = [*self._bubblewrap(source), "--info-fd", str(info.fileno())]
            if program := filter_program():
                seccomp.write(program)
                seccomp.seek(0)
                arguments += ["--seccomp", str(seccomp.fileno())]
            # PATH alone: a command in the sandbox could read the environment of bubblewrap.
            options: dict[str, Any] = {"env": {"PATH": os.environ.get("PATH", PATH)}}
            options["pass_fds"] = [seccomp.fileno(), info.fileno()]
            if archive:
                options["stdin"] = archive
            with _subreaper():
                try:
                    return self._run_in_cgroup([*arguments, "--", *command], seconds, options)
                finally:
                    _wait_for_first_process(info)

    def _run_in_cgroup(self, command: Sequence[str], seconds: float, options: Mapping[str, Any]) -> CommandResult:
        new_group = new_cgroup(self.cgroups, self.limits.cgroup_bytes) if self.cgroups else nullcontext(Cgroup(()))
        with new_group as group:
            result = run_limited(group.command(command), Path("/"), seconds, MAX_OUTPUT_MIB, **options)
            if self.cgroups and group.ran_out_of_memory:
                return replace(result, exceeded=f"it used more than {self.limits.memory} MiB of memory")
        return result

    def _bubblewrap(self, source: Path) -> list[str]:
        arguments = [
            "bwrap", "--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try",
            "--die-with-parent", "--new-session", "--hostname", "sandbox", "--clearenv",
        ]  # fmt: skip
        if os.geteuid() == 0:
            arguments += ["--cap-drop", "ALL"]
            for capability in ROOT_CAPABILITIES:
                arguments += ["--cap-add", f"CAP_{capability}"]
        else:
            arguments += ["--unshare-user", "--uid", str(SANDBOX_UID), "--gid", str(SANDBOX_UID)]
        for name, value in self._variables().items():
            arguments += ["--setenv", name, value]
        arguments += _system_mounts()
        shm_bytes = min(self.limits.disk_bytes, MAX_SHM_BYTES)
        arguments += ["--perms", "1777", "--size", str(shm_bytes), "--tmpfs", "/dev/shm"]
        arguments += ["--perms", "0755", "--size", str(self.limits.disk_bytes), "--tmpfs", WORK]
        arguments += ["--symlink", f"{WORK}/tmp", "/tmp"]
        for target, path in {**dict(self._toolchain_mounts()), SOURCE: source}.items():
            arguments += ["--ro-bind", str(path.absolute()), target]
        return [*arguments, "--remount-ro", "/dev", "--remount-ro", "/", "--chdir", WORK]

    def _toolchain_mounts(self) -> Iterator[tuple[str, Path]]:
        """Yield the path of each part of the toolchain in the sandbox, and on this machine."""
        toolchain = self.toolchain
        if toolchain.root and not is_system(toolchain.root):
            yield TOOLCHAIN, Path(toolchain.root)
        for name, path in toolchain.tools.items():
            yield f"{TOOLS}/{name}", Path(path)
        if toolchain.store:
            yield STORE, toolchain.store
        if toolchain.seed:
            yield SEED, toolchain.seed

    def _variables(self) -> dict[str, str]:
        root = self.toolchain.root
        path = [*([f"{root if is_system(root) else TOOLCHAIN}/bin"] if root else []), TOOLS, PATH]
        user = {"HOME": HOME, "USER": "student", "LOGNAME": "student", "LANG": "C.UTF-8"}
        return {"PATH": ":".join(path), **user, **self.toolchain.variables}

    def _limiting_command(self) -> list[str]:
        """Return the command that sets the limits of each process, and drops the privileges of root."""
        uid = _unprivileged_uid()
        setpriv = ["setpriv", "--reuid", uid, "--regid", uid, *DROP_PRIVILEGES] if uid else []
        limits = self.limits
        return [*setpriv, "prlimit", "--core=0", f"--nproc={limits.processes}", f"--fsize={limits.disk_bytes}"]


@contextmanager
def _subreaper() -> Iterator[None]:
    """Adopt orphaned processes, because the init process of some containers does not reap them."""
    _libc.prctl(PR_SET_CHILD_SUBREAPER, 1)
    try:
        yield
    finally:
        _libc.prctl(PR_SET_CHILD_SUBREAPER, 0)


def _wait_for_first_process(info: IO[bytes]) -> None:
    """Wait until the sandbox's first process has ended, which is the last one to end.

    `info` is what bubblewrap wrote to --info-fd: JSON with the PID, or nothing if it failed.
    """
    info.seek(0)
    text = info.read()
    with suppress(ProcessLookupError, ChildProcessError):
        pid = json.loads(text)["child-pid"] if text else None
        if pid is not None:
            descriptor = os.pidfd_open(pid)
            select.select([descriptor], [], [], TERMINATION_SECONDS)
            os.close(descriptor)
            os.waitpid(pid, os.WNOHANG)


def _system_mounts() -> Iterator[str]:
    """Yield the arguments of bubblewrap for the files of this machine that every sandbox contains."""
    yield from ("--ro-bind", "/usr", "/usr")
    for name in ROOT_DIRECTORIES:
        path = Path("/", name)
        if path.is_symlink():
            yield from ("--symlink", str(path.readlink()), str(path))
        elif path.is_dir():
            yield from ("--ro-bind", str(path), str(path))
    for directory in MOUNT_POINTS:  # bubblewrap would create them for root alone
        yield from ("--perms", "0755", "--dir", directory)
    for file in (*(f"/etc/{name}" for name in ETC_FILES), BTF):
        yield from ("--ro-bind-try", file, file)
    yield from ("--proc", "/proc", "--dev", "/dev")


def is_system(path: str) -> bool:
    """Return whether `path` is in a directory that every sandbox contains."""
    return path.startswith("/usr/")


def _unprivileged_uid() -> str:
    """Return the UID for builds of root, which is different for each worker process; for other users ""."""
    return str(FIRST_UID + os.getpid()) if os.geteuid() == 0 else ""


def _missing_file_error(file: str) -> str:
    return shlex.join(["echo", f"error: {file} does not exist after the build, or is a link out of the sandbox"])
