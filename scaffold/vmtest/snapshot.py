# SPDX-License-Identifier: BSD-2-Clause
"""Snapshots: a guest is booted once, saved, and restored in the same state for every run.

A snapshot is saved when the kernel is up, its drivers are loaded and init waits for a line. It has two files. `memory`
is the guest's memory: each run maps it, reads only the pages that it uses and copies only those that it changes.
`state` is all the rest. The payload of a run is on a read-only drive that the guest has not read yet when it is saved.
If a kernel has no virtio drive, the payload is in the initramfs, and the guest boots for every run.
"""

import hashlib
import logging
import os
import platform
import re
import shutil
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from . import initramfs
from .accel import choose_accelerator
from .apt import Apt, configured_suites
from .architecture import Architecture
from .bpf_counter import counter_program
from .cache import cache_root, discard, locked, new_directory, prune
from .errors import BootError, InfrastructureError
from .kernel_cache import Kernel
from .qemu import Accelerator, MachineConfig, QemuMachine, copy_sparse, create_memfd, find_qemu

PACKAGE = Path(__file__).parent
READY = b"vmtest: ready "
PANIC = b"Kernel panic - not syncing"
PANIC_END = b"---[ end Kernel panic"
PANIC_SECONDS = 2.0  # for the rest of the kernel's message
MODULE_ERROR = re.compile(rb"vmtest: insmod: can't insert '/modules/\d+-(\w+)\.required\.ko': ([^\r\n]*)")
# panic=-1 with QEMU's -no-reboot ends QEMU after a panic. The rest skips what takes time and no test of a BPF program
# needs: self-tests of ciphers, waiting for entropy and grace periods.
KERNEL_ARGUMENTS = "quiet panic=-1 random.trust_cpu=on rcupdate.rcu_expedited=1 cryptomgr.notests"
RESTORE_SECONDS = 20.0
MIN_DRIVE_BYTES = 64 << 20
MAX_SNAPSHOTS_BYTES = 2 << 30  # or a tenth of the free disk space, if that is more
log = logging.getLogger("vmtest")


@dataclass(frozen=True)
class Startup:
    """How a guest started: `seconds` until the payload ran; `warm` if it was restored from a snapshot."""

    accelerator: Accelerator
    warm: bool
    seconds: float


@dataclass(frozen=True)
class GuestRequirements:
    """What a project requires of its guest."""

    memory: int  # MiB
    boot_seconds: float  # the longest that a boot may take


@dataclass(frozen=True)
class GuestConfig:
    """Everything that determines a guest: equal configurations give the same snapshot."""

    kernel: Kernel
    machine: MachineConfig
    initramfs: bytes  # a cpio archive
    drive_bytes: int
    boot_seconds: float  # the longest that a boot may take

    def key(self) -> str:
        """Return the name of the snapshot: a digest of everything that its state depends on."""
        qemu = Path(find_qemu(self.kernel.architecture)).resolve()
        stat = qemu.stat()
        host = platform.release() + platform.processor() if self.machine.accelerator == Accelerator.KVM else ""
        parts = (str(qemu), stat.st_size, stat.st_mtime_ns, host, self.kernel_command_line(), self.drive_bytes)
        digest = hashlib.sha256(repr((*parts, self.machine.arguments(), self.kernel.cache_key)).encode())
        digest.update(self.initramfs)
        return digest.hexdigest()[:24]

    @property
    def memory_bytes(self) -> int:
        """The size of the guest's memory."""
        return self.machine.memory << 20

    def kernel_command_line(self) -> str:
        """Return the command line of the kernel."""
        architecture = self.kernel.architecture
        is_emulated = self.machine.accelerator == Accelerator.TCG
        emulated = architecture.emulated_kernel_arguments if is_emulated else ""
        return f"{KERNEL_ARGUMENTS} {architecture.kernel_arguments} {emulated}".rstrip()

    def start(self, payload: bytes, memory: int, state: int | None = None) -> QemuMachine:
        """Start QEMU with a drive that contains `payload` and the open file `memory` as the guest's memory.

        With the open file `state` of a snapshot, QEMU waits for `QemuMachine.restore_state`, and the guest's changes
        do not reach the file `memory`.
        """
        drive = create_memfd("payload", payload, self.drive_bytes)
        initrd = create_memfd("initramfs", self.initramfs)
        descriptors = [drive, initrd, memory, *([] if state is None else [state])]
        backend = "memory-backend-file,id=memory"
        share, incoming = ("on", []) if state is None else ("off", ["-incoming", "defer"])
        arguments = [
            *self.machine.arguments(),
            "-machine", "memory-backend=memory",
            "-object", f"{backend},size={self.memory_bytes},share={share},mem-path=/proc/self/fd/{memory}",
            "-kernel", str(self.kernel.image),
            "-initrd", f"/proc/self/fd/{initrd}",
            "-append", self.kernel_command_line(),
            "-drive", f"file=/proc/self/fd/{drive},format=raw,readonly=on,if=none,id=payload",
            "-device", "virtio-blk-pci,drive=payload",
            *incoming,
        ]  # fmt: skip
        try:
            return QemuMachine(find_qemu(self.kernel.architecture), arguments, descriptors)
        finally:
            os.close(drive)
            os.close(initrd)


def find_busybox(architecture: Architecture) -> Path:
    """Return a busybox for guests of `architecture`: that of this machine, or one downloaded from the archive.

    Raises:
        InfrastructureError: busybox is neither installed nor available.
    """
    installed = shutil.which("busybox") if architecture.is_native else None
    if installed:
        return Path(installed).resolve()
    target = cache_root() / "busybox" / architecture.name
    with locked("busybox"):
        if not target.exists():
            _download_busybox(target, architecture)
    return next(path for path in (target / "bin/busybox", target / "usr/bin/busybox") if path.exists())


def _download_busybox(target: Path, architecture: Architecture) -> None:
    errors = []
    for suite in configured_suites():
        apt = Apt(suite, architecture.name)
        try:
            apt.update()
            with new_directory(target) as work:
                apt.unpack(["busybox-static"], work, work)
            return
        except InfrastructureError as error:
            errors.append(str(error))
    raise InfrastructureError(f"cannot download busybox for {architecture.name}: {'; '.join(errors)}")


def initramfs_entries(kernel: Kernel, permanent: list[initramfs.Entry]) -> list[initramfs.Entry]:
    """Return the initramfs of a guest of `kernel`, which is the same for all runs of a project.

    `permanent` are the shared libraries and tools of the project: they seldom change, and unpacking them in each run
    would take longer than the rest of the run.
    """
    busybox = find_busybox(kernel.architecture)
    return [
        initramfs.file("init", (PACKAGE / "init.sh").read_bytes()),
        initramfs.file("wait.sh", (PACKAGE / "wait.sh").read_bytes()),
        initramfs.file("bin/bpf_count", counter_program(kernel.architecture)),
        initramfs.character_device("dev/console", 5, 1),
        initramfs.character_device("dev/null", 1, 3),
        initramfs.directory("proc"),
        initramfs.directory("sys"),
        initramfs.host_file(busybox, "bin/busybox"),
        initramfs.symlink("bin/sh", "busybox"),
        *initramfs.libraries(busybox),
        *permanent,
        *(initramfs.file(f"modules/{path.name}", path.read_bytes(), 0o644) for path in kernel.modules),
    ]


@contextmanager
def start_guest(
    kernel: Kernel,
    permanent: list[initramfs.Entry],
    payload: list[initramfs.Entry],
    requirements: GuestRequirements,
    mark: bytes,
) -> Iterator[tuple[QemuMachine, Startup]]:
    """Yield a guest in which `payload` has just started, and how the guest started.

    Restores a snapshot, or boots a guest and saves it. `payload` contains run/steps.sh, which first prints `mark`.

    Raises:
        InfrastructureError: this machine cannot start a guest.
        BootError: the guest did not boot.
    """
    began = time.monotonic()
    content = initramfs.archive(payload)
    drive_bytes = max(MIN_DRIVE_BYTES, 1 << (len(content) + 4096).bit_length())
    files = initramfs.archive(initramfs_entries(kernel, permanent))
    accelerator = choose_accelerator(kernel.architecture)
    machine_config = MachineConfig(kernel.architecture, accelerator, requirements.memory)
    config = GuestConfig(kernel, machine_config, files, drive_bytes, requirements.boot_seconds)
    entry = cache_root() / "guests" / config.key()
    with ExitStack() as stack:
        machine = _restore(config, content, entry, mark, stack)
        warm = machine is not None
        if machine is None:
            machine, warm = _restore_or_boot(config, content, entry, mark, stack)
        yield machine, Startup(accelerator, warm, time.monotonic() - began)


def _restore_or_boot(
    config: GuestConfig, content: bytes, entry: Path, mark: bytes, stack: ExitStack
) -> tuple[QemuMachine, bool]:
    """Boot a guest and return it with False; if another process is booting the same one, wait and restore that."""
    with locked(f"guest-{entry.name}"):
        restored = _restore(config, content, entry, mark, stack)
        if restored is not None:
            return restored, True
        return _boot(config, content, entry, mark, stack), False


def _restore(config: GuestConfig, content: bytes, entry: Path, mark: bytes, stack: ExitStack) -> QemuMachine | None:
    """Return a guest that was restored from the snapshot `entry` and runs `content`; None if that is not possible."""
    deadline = time.monotonic() + RESTORE_SECONDS
    with ExitStack() as attempt:
        try:
            state, memory = (attempt.enter_context((entry / name).open("rb")).fileno() for name in ("state", "memory"))
            os.utime(entry)
        except FileNotFoundError:  # it does not exist yet, or another process has just pruned it
            return None
        if os.fstat(memory).st_size != config.memory_bytes:  # it is truncated, and QEMU would extend it
            return None
        machine = attempt.enter_context(config.start(content, memory, state))
        try:
            machine.restore_state(state, deadline)
            machine.send_line("run")
        except (InfrastructureError, OSError) as error:
            log.warning("cannot restore snapshot %s, booting instead: %s", entry.name, error)
        else:
            if machine.read_until([mark], deadline):
                stack.push(attempt.pop_all())
                return machine
            log.warning("snapshot %s does not respond after it was restored, booting instead", entry.name)
    discard(entry)
    return None


def _boot(config: GuestConfig, content: bytes, entry: Path, mark: bytes, stack: ExitStack) -> QemuMachine:
    """Boot a guest, save it as the snapshot `entry`, and return it while it runs `content`."""
    deadline = time.monotonic() + config.boot_seconds
    without_drive = entry / "without-drive"
    if without_drive.exists():
        return _boot_without_drive(config, content, mark, stack, deadline)
    with ExitStack() as attempt:
        memory = _create_memory(config, attempt)
        machine = attempt.enter_context(config.start(content, memory))
        _wait_for(machine, READY, deadline)
        _wait_for(machine, b"\n", deadline)
        _check_modules(machine.output)
        if b" vda" in machine.output.rpartition(READY)[2]:
            _save(machine, memory, config.kernel, entry, deadline)
            machine.send_line("run")
            _wait_for(machine, mark, deadline)
            stack.push(attempt.pop_all())
            return machine
    with new_directory(entry) as work:
        (work / without_drive.name).touch()
        record_kernel(work, config.kernel)
    return _boot_without_drive(config, content, mark, stack, deadline)


def _boot_without_drive(
    config: GuestConfig, content: bytes, mark: bytes, stack: ExitStack, deadline: float
) -> QemuMachine:
    """Boot a guest whose kernel has no virtio drive: the initramfs contains the payload."""
    payload = initramfs.archive([initramfs.file("payload", content, 0o644)])
    extended = replace(config, initramfs=config.initramfs + payload)
    machine = stack.enter_context(extended.start(b"", _create_memory(extended, stack)))
    _wait_for(machine, mark, deadline)
    _check_modules(machine.output)
    return machine


def _create_memory(config: GuestConfig, stack: ExitStack) -> int:
    """Return an open file for the memory of a guest that boots; `stack` closes it."""
    memory = create_memfd("memory", b"", config.memory_bytes)
    stack.callback(os.close, memory)
    return memory


def _wait_for(machine: QemuMachine, mark: bytes, deadline: float) -> None:
    """Wait until a guest that boots prints `mark`."""
    if machine.read_until([mark, PANIC], deadline) == mark:
        return
    if PANIC in machine.output:
        read_panic_message(machine)
        raise BootError("the kernel panicked during the boot", machine.output)
    if machine.is_running:
        hint = "raise limits.boot_seconds in the manifest"
        raise BootError("the guest did not boot in time", machine.output, hint=hint)
    raise BootError(f"QEMU ended during the boot: {machine.read_stderr()}", machine.output)


def read_panic_message(machine: QemuMachine) -> None:
    """Read the rest of the kernel's message after PANIC, so that `machine.output` contains it."""
    machine.read_until([PANIC_END], time.monotonic() + PANIC_SECONDS)


def _check_modules(console: bytes) -> None:
    """Raise BootError if init.sh reported that a required module could not be loaded."""
    match = MODULE_ERROR.search(console)
    if match:
        name, reason = match[1].decode(), match[2].decode(errors="replace")
        raise BootError(f"this kernel cannot load the module {name}: {reason}", console)


def _save(machine: QemuMachine, memory: int, kernel: Kernel, entry: Path, deadline: float) -> None:
    """Save a guest that waits for a line. An error, such as a full disk, only makes the next run slower."""
    try:
        with new_directory(entry) as work:
            machine.save_state(work / "state", deadline)
            copy_sparse(memory, work / "memory")
            record_kernel(work, kernel)
    except (InfrastructureError, OSError) as error:
        log.warning("cannot save a snapshot of the guest, the next run boots again: %s", error)
    machine.execute("cont", deadline)
    with suppress(OSError):
        prune(entry.parent, max(MAX_SNAPSHOTS_BYTES, shutil.disk_usage(entry.parent).free // 10))


def record_kernel(entry: Path, kernel: Kernel) -> None:
    """Record in the snapshot `entry` which kernel of the cache it uses."""
    (entry / "kernel").write_text(str(kernel.image.parent.relative_to(cache_root())))


def is_kernel_missing(entry: Path) -> bool:
    """Return whether the cache no longer has the kernel of the snapshot `entry`."""
    try:
        return not (cache_root() / (entry / "kernel").read_text()).exists()
    except FileNotFoundError:
        return False  # another process is removing the snapshot
