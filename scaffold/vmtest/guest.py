# SPDX-License-Identifier: BSD-2-Clause
"""A guest that is booted once, saved, and restored pristine for every run.

A guest is saved when its kernel is up, its drivers are loaded and its init waits for a line. What a
run adds comes on a read-only drive that the saved guest has not read yet. A kernel that has no such
drive gets the payload in its initramfs, and boots for every run.
"""

import hashlib
import logging
import os
import platform
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from . import initramfs
from .accel import choose_accel
from .archive import Apt, own_suites
from .cache import cache_root, locked, new_directory, prune
from .counter import count_program
from .errors import CannotRun, GuestLost
from .kernels import Kernel, machine_architecture
from .machine import Hardware, Machine, memory_file, qemu_program

HERE = Path(__file__).parent
READY = b"vmtest: ready "
PANIC = b"Kernel panic - not syncing"
# A panic ends QEMU (panic=-1 with -no-reboot); the rest saves time that no test of a BPF program needs:
# self-tests of ciphers, patching locks for a single processor, waiting for entropy and grace periods.
KERNEL_ARGUMENTS = (
    "console=ttyS0 quiet panic=-1 random.trust_cpu=on rcupdate.rcu_expedited=1 "
    "cryptomgr.notests noreplace-smp no_timer_check"
)
RESTORE_SECONDS = 20.0
SMALLEST_DRIVE = 64 << 20
SAVED_GUESTS_BYTES = 2 << 30
log = logging.getLogger("vmtest")


@dataclass(frozen=True)
class Boot:
    """How a guest came up: `seconds` until the payload ran, `warm` when it was a saved one."""

    accel: str
    warm: bool
    seconds: float


@dataclass(frozen=True)
class Needs:
    """What a project asks of its guest."""

    memory: int  # MiB
    boot_seconds: float  # a guest that takes longer to come up is given up


@dataclass(frozen=True)
class Recipe:
    """All that a guest is made of; two equal recipes make the same guest."""

    kernel: Kernel
    hardware: Hardware
    files: bytes  # the initramfs, a cpio archive
    drive_size: int  # bytes
    boot_seconds: float  # how long it may take to come up

    def key(self) -> str:
        """Return the name of the saved guest: a digest of everything that its state depends on."""
        qemu = Path(qemu_program()).resolve()
        stat = qemu.stat()
        host = platform.release() + platform.processor() if self.hardware.accel == "kvm" else ""
        parts = (str(qemu), stat.st_size, stat.st_mtime_ns, host, KERNEL_ARGUMENTS, self.drive_size)
        digest = hashlib.sha256(repr((*parts, self.hardware.arguments(), self.kernel.identity)).encode())
        digest.update(self.files)
        return digest.hexdigest()[:24]

    def start(self, payload: bytes, extra: list[str], state: int | None = None) -> Machine:
        """Start QEMU with this guest's machine and a drive that holds `payload`."""
        drive = memory_file("payload", payload, self.drive_size)
        initrd = memory_file("initramfs", self.files)
        descriptors = [drive, initrd, *([] if state is None else [state])]
        arguments = [
            *self.hardware.arguments(),
            "-kernel", str(self.kernel.image),
            "-initrd", f"/proc/self/fd/{initrd}",
            "-append", KERNEL_ARGUMENTS,
            "-drive", f"file=/proc/self/fd/{drive},format=raw,readonly=on,if=none,id=payload",
            "-device", "virtio-blk-pci,drive=payload",
            *extra,
        ]  # fmt: skip
        try:
            return Machine(arguments, descriptors)
        finally:
            os.close(drive)
            os.close(initrd)


def find_busybox() -> Path:
    """Return a busybox for the guest: the machine's own, or the archive's, fetched once.

    Raises:
        CannotRun: there is none.
    """
    own = shutil.which("busybox")
    if own:
        return Path(own).resolve()
    target = cache_root() / "busybox" / machine_architecture()
    with locked("busybox"):
        if not target.exists():
            _fetch_busybox(target)
    return next(path for path in (target / "bin/busybox", target / "usr/bin/busybox") if path.exists())


def _fetch_busybox(target: Path) -> None:
    troubles = []
    for suite in own_suites():
        apt = Apt(suite, machine_architecture())
        try:
            apt.update()
            with new_directory(target) as work:
                apt.unpack(["busybox-static"], work)
            return
        except CannotRun as trouble:
            troubles.append(str(trouble))
    raise CannotRun(f"busybox is not installed and cannot be fetched: {'; '.join(troubles)}")


def guest_files(kernel: Kernel, libraries: list[initramfs.Entry]) -> list[initramfs.Entry]:
    """Return what a guest of `kernel` holds before a run adds its own.

    The shared libraries are part of the guest: they seldom change, and to unpack them in each run
    would take longer than all the rest of it.
    """
    busybox = find_busybox()
    applets = subprocess.run([busybox, "--list"], capture_output=True, text=True, check=True).stdout
    return [
        initramfs.file("init", (HERE / "init.sh").read_bytes()),
        initramfs.file("wait.sh", (HERE / "wait.sh").read_bytes()),
        initramfs.file("bin/bpf_count", count_program()),
        initramfs.character_device("dev/console", 5, 1),
        initramfs.character_device("dev/null", 1, 3),
        initramfs.directory("proc"),
        initramfs.directory("sys"),
        initramfs.program(busybox, "bin/busybox"),
        *initramfs.libraries(busybox),
        *libraries,
        *(initramfs.symlink(f"bin/{name}", "busybox") for name in applets.split() if name != "busybox"),
        *(initramfs.file(f"modules/{path.name}", path.read_bytes(), 0o644) for path in kernel.modules),
    ]


@contextmanager
def started_guest(
    kernel: Kernel, libraries: list[initramfs.Entry], payload: list[initramfs.Entry], needs: Needs, mark: bytes
) -> Iterator[tuple[Machine, Boot]]:
    """Yield a guest in which `payload` has just begun to run, and how it came up.

    Restores the saved guest, or boots one and saves it. `payload` holds run/steps.sh, which prints
    `mark` first.

    Raises:
        CannotRun: this machine can start no guest.
        GuestLost: the kernel did not come up.
    """
    began = time.monotonic()
    content = initramfs.archive(payload)
    size = max(SMALLEST_DRIVE, 1 << (len(content) + 4096).bit_length())
    files = initramfs.archive(guest_files(kernel, libraries))
    recipe = Recipe(kernel, Hardware(choose_accel(), needs.memory), files, size, needs.boot_seconds)
    entry = cache_root() / "guests" / recipe.key()
    with ExitStack() as stack:
        machine = _restore(recipe, content, entry, mark, stack)
        warm = machine is not None
        if machine is None:
            machine, warm = _first_boot(recipe, content, entry, mark, stack)
        yield machine, Boot(recipe.hardware.accel, warm, time.monotonic() - began)


def _first_boot(recipe: Recipe, content: bytes, entry: Path, mark: bytes, stack: ExitStack) -> tuple[Machine, bool]:
    """Boot a guest, unless another run boots the same one: then wait, and restore what it saved."""
    with locked(f"guest-{entry.name}"):
        restored = _restore(recipe, content, entry, mark, stack)
        if restored is not None:
            return restored, True
        return _boot(recipe, content, entry, mark, stack), False


def _restore(recipe: Recipe, content: bytes, entry: Path, mark: bytes, stack: ExitStack) -> Machine | None:
    """Return the saved guest, running `content`; None when there is none, or it does not load."""
    state = entry / "state"
    if not state.exists():
        return None
    deadline = time.monotonic() + RESTORE_SECONDS
    os.utime(entry)
    with ExitStack() as attempt, state.open("rb") as handle:
        extra = ["-incoming", f"fd:{handle.fileno()}"]
        machine = attempt.enter_context(recipe.start(content, extra, handle.fileno()))
        try:
            machine.resume(deadline)
            machine.send_line("run")
        except (CannotRun, OSError) as trouble:
            log.warning("the saved guest %s does not load (%s): booting anew", entry.name, trouble)
        else:
            if machine.read_until([mark], deadline):
                stack.push(attempt.pop_all())
                return machine
            log.warning("the saved guest %s does not answer: booting anew", entry.name)
    shutil.rmtree(entry, ignore_errors=True)
    return None


def _boot(recipe: Recipe, content: bytes, entry: Path, mark: bytes, stack: ExitStack) -> Machine:
    """Boot a guest, save it, and return it, running `content`."""
    deadline = time.monotonic() + recipe.boot_seconds
    without_drive = entry / "without-drive"
    if without_drive.exists():
        return _boot_with_payload(recipe, content, mark, stack, deadline)
    with ExitStack() as attempt:
        machine = attempt.enter_context(recipe.start(content, []))
        _await(machine, READY, deadline)
        _await(machine, b"\n", deadline)
        if b" vda" in machine.output.rpartition(READY)[2]:
            _save(machine, entry, deadline)
            machine.send_line("run")
            _await(machine, mark, deadline)
            stack.push(attempt.pop_all())
            return machine
    with new_directory(entry) as work:
        (work / without_drive.name).touch()
    return _boot_with_payload(recipe, content, mark, stack, deadline)


def _boot_with_payload(recipe: Recipe, content: bytes, mark: bytes, stack: ExitStack, deadline: float) -> Machine:
    """Boot a guest whose kernel has no virtio drive: the payload goes along in the initramfs."""
    extra = initramfs.archive([initramfs.file("payload", content, 0o644)])
    whole = replace(recipe, files=recipe.files + extra)
    machine = stack.enter_context(whole.start(b"", []))
    _await(machine, mark, deadline)
    return machine


def _await(machine: Machine, expected: bytes, deadline: float) -> None:
    if machine.read_until([expected, PANIC], deadline) == expected:
        return
    machine.read_until([b"---[ end Kernel panic"], time.monotonic() + 1)
    if PANIC in machine.output:
        raise GuestLost("the kernel panicked while it booted", machine.output)
    if machine.alive:
        raise GuestLost("the guest did not come up in time", machine.output)
    raise GuestLost(f"QEMU ended while the guest booted: {machine.complaint()}", machine.output)


def _save(machine: Machine, entry: Path, deadline: float) -> None:
    """Save the guest that waits for its line. A full disk costs later runs time, not this one."""
    try:
        with new_directory(entry) as work:
            machine.save(work / "state", deadline)
        prune(entry.parent, SAVED_GUESTS_BYTES)
    except (CannotRun, OSError) as trouble:
        log.warning("the booted guest could not be saved (%s): the next run boots anew", trouble)
        machine.command("cont", deadline)
