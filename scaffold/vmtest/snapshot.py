# SPDX-License-Identifier: BSD-2-Clause
"""A guest that is booted once, saved, and restored pristine for every run.

A guest is saved when its kernel is up, its drivers are loaded and its init waits for a line. Its memory is a file
of its own, which every run maps for itself: only what the run touches is read, and only what it changes is copied.
What a run adds comes on a read-only drive that the saved guest has not read yet. A kernel that has no such
drive gets the payload in its initramfs, and boots for every run.
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
from .accel import choose_accel
from .apt import Apt, own_suites
from .architecture import Architecture
from .bpf_counter import count_program
from .cache import cache_root, discard, locked, new_directory, prune
from .errors import GuestLostError, InfrastructureError
from .kernel_cache import Kernel
from .qemu import Hardware, Machine, copy_memory, memory_file, qemu_program

HERE = Path(__file__).parent
READY = b"vmtest: ready "
PANIC = b"Kernel panic - not syncing"
REFUSED = re.compile(rb"vmtest: insmod: can't insert '/modules/\d+-(\w+)\.required\.ko': ([^\r\n]*)")
# A panic ends QEMU (panic=-1 with -no-reboot); the rest saves time that no test of a BPF program needs:
# self-tests of ciphers, waiting for entropy and grace periods.
KERNEL_ARGUMENTS = "quiet panic=-1 random.trust_cpu=on rcupdate.rcu_expedited=1 cryptomgr.notests"
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
class GuestNeeds:
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
        qemu = Path(qemu_program(self.kernel.architecture)).resolve()
        stat = qemu.stat()
        host = platform.release() + platform.processor() if self.hardware.accel == "kvm" else ""
        parts = (str(qemu), stat.st_size, stat.st_mtime_ns, host, self.arguments(), self.drive_size)
        digest = hashlib.sha256(repr((*parts, self.hardware.arguments(), self.kernel.identity)).encode())
        digest.update(self.files)
        return digest.hexdigest()[:24]

    @property
    def memory_size(self) -> int:
        """Return how large the guest's memory is, in bytes."""
        return self.hardware.memory << 20

    def arguments(self) -> str:
        """Return the kernel's command line."""
        architecture = self.kernel.architecture
        emulated = architecture.emulated_arguments if self.hardware.accel == "tcg" else ""
        return f"{KERNEL_ARGUMENTS} {architecture.kernel_arguments} {emulated}".rstrip()

    def start(self, payload: bytes, memory: int, saved: int | None = None) -> Machine:
        """Start QEMU with this guest's machine and a drive that holds `payload`.

        The guest's memory is the open file `memory`. With the open file `saved`, the rest of a saved guest's state,
        it waits for Machine.resume, and `memory` stays as it is: what the guest writes is its own.
        """
        drive = memory_file("payload", payload, self.drive_size)
        initrd = memory_file("initramfs", self.files)
        descriptors = [drive, initrd, memory, *([] if saved is None else [saved])]
        backend = "memory-backend-file,id=memory"
        share, incoming = ("on", []) if saved is None else ("off", ["-incoming", "defer"])
        arguments = [
            *self.hardware.arguments(),
            "-machine", "memory-backend=memory",
            "-object", f"{backend},size={self.memory_size},share={share},mem-path=/proc/self/fd/{memory}",
            "-kernel", str(self.kernel.image),
            "-initrd", f"/proc/self/fd/{initrd}",
            "-append", self.arguments(),
            "-drive", f"file=/proc/self/fd/{drive},format=raw,readonly=on,if=none,id=payload",
            "-device", "virtio-blk-pci,drive=payload",
            *incoming,
        ]  # fmt: skip
        try:
            return Machine(qemu_program(self.kernel.architecture), arguments, descriptors)
        finally:
            os.close(drive)
            os.close(initrd)


def find_busybox(architecture: Architecture) -> Path:
    """Return a busybox for guests of `architecture`: the machine's own, or the archive's, fetched once.

    Raises:
        InfrastructureError: there is none.
    """
    own = shutil.which("busybox") if architecture.is_own else None
    if own:
        return Path(own).resolve()
    target = cache_root() / "busybox" / architecture.name
    with locked("busybox"):
        if not target.exists():
            _fetch_busybox(target, architecture)
    return next(path for path in (target / "bin/busybox", target / "usr/bin/busybox") if path.exists())


def _fetch_busybox(target: Path, architecture: Architecture) -> None:
    troubles = []
    for suite in own_suites():
        apt = Apt(suite, architecture.name)
        try:
            apt.update()
            with new_directory(target) as work:
                apt.unpack(["busybox-static"], work, work)
            return
        except InfrastructureError as trouble:
            troubles.append(str(trouble))
    raise InfrastructureError(
        f"busybox for {architecture.name} is not here and cannot be fetched: {'; '.join(troubles)}"
    )


def guest_files(kernel: Kernel, lasting: list[initramfs.Entry]) -> list[initramfs.Entry]:
    """Return what a guest of `kernel` holds before a run adds its own.

    Shared libraries and tools are part of the guest: these `lasting` files seldom change, and to unpack them in each
    run would take longer than all the rest of it.
    """
    busybox = find_busybox(kernel.architecture)
    return [
        initramfs.file("init", (HERE / "init.sh").read_bytes()),
        initramfs.file("wait.sh", (HERE / "wait.sh").read_bytes()),
        initramfs.file("bin/bpf_count", count_program(kernel.architecture)),
        initramfs.character_device("dev/console", 5, 1),
        initramfs.character_device("dev/null", 1, 3),
        initramfs.directory("proc"),
        initramfs.directory("sys"),
        initramfs.program(busybox, "bin/busybox"),
        initramfs.symlink("bin/sh", "busybox"),
        *initramfs.libraries(busybox),
        *lasting,
        *(initramfs.file(f"modules/{path.name}", path.read_bytes(), 0o644) for path in kernel.modules),
    ]


@contextmanager
def start_guest(
    kernel: Kernel, lasting: list[initramfs.Entry], payload: list[initramfs.Entry], needs: GuestNeeds, mark: bytes
) -> Iterator[tuple[Machine, Boot]]:
    """Yield a guest in which `payload` has just begun to run, and how it came up.

    Restores the saved guest, or boots one and saves it. `payload` holds run/steps.sh, which prints
    `mark` first.

    Raises:
        InfrastructureError: this machine can start no guest.
        GuestLostError: the kernel did not come up.
    """
    began = time.monotonic()
    content = initramfs.archive(payload)
    size = max(SMALLEST_DRIVE, 1 << (len(content) + 4096).bit_length())
    files = initramfs.archive(guest_files(kernel, lasting))
    hardware = Hardware(kernel.architecture, choose_accel(kernel.architecture), needs.memory)
    recipe = Recipe(kernel, hardware, files, size, needs.boot_seconds)
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
    deadline = time.monotonic() + RESTORE_SECONDS
    with ExitStack() as attempt:
        try:
            state, memory = (attempt.enter_context((entry / name).open("rb")).fileno() for name in ("state", "memory"))
            os.utime(entry)
        except FileNotFoundError:  # there is none yet, or another run pruned it at this moment
            return None
        if os.fstat(memory).st_size != recipe.memory_size:  # it was cut short, and QEMU would lengthen it
            return None
        machine = attempt.enter_context(recipe.start(content, memory, state))
        try:
            machine.resume(state, deadline)
            machine.send_line("run")
        except (InfrastructureError, OSError) as trouble:
            log.warning("the saved guest %s does not load (%s): booting anew", entry.name, trouble)
        else:
            if machine.read_until([mark], deadline):
                stack.push(attempt.pop_all())
                return machine
            log.warning("the saved guest %s does not answer: booting anew", entry.name)
    discard(entry)
    return None


def _boot(recipe: Recipe, content: bytes, entry: Path, mark: bytes, stack: ExitStack) -> Machine:
    """Boot a guest, save it, and return it, running `content`."""
    deadline = time.monotonic() + recipe.boot_seconds
    without_drive = entry / "without-drive"
    if without_drive.exists():
        return _boot_with_payload(recipe, content, mark, stack, deadline)
    with ExitStack() as attempt:
        memory = _new_memory(recipe, attempt)
        machine = attempt.enter_context(recipe.start(content, memory))
        _await(machine, READY, deadline)
        _await(machine, b"\n", deadline)
        _check_modules(machine.output)
        if b" vda" in machine.output.rpartition(READY)[2]:
            _save(machine, memory, recipe.kernel, entry, deadline)
            machine.send_line("run")
            _await(machine, mark, deadline)
            stack.push(attempt.pop_all())
            return machine
    with new_directory(entry) as work:
        (work / without_drive.name).touch()
        note_kernel(work, recipe.kernel)
    return _boot_with_payload(recipe, content, mark, stack, deadline)


def _check_modules(console: bytes) -> None:
    """Complain of what init.sh said of a module that a program needs."""
    found = REFUSED.search(console)
    if found:
        name, why = found[1].decode(), found[2].decode(errors="replace")
        raise GuestLostError(f"this kernel does not load the module {name}: {why}", console)


def _boot_with_payload(recipe: Recipe, content: bytes, mark: bytes, stack: ExitStack, deadline: float) -> Machine:
    """Boot a guest whose kernel has no virtio drive: the payload goes along in the initramfs."""
    extra = initramfs.archive([initramfs.file("payload", content, 0o644)])
    whole = replace(recipe, files=recipe.files + extra)
    machine = stack.enter_context(whole.start(b"", _new_memory(whole, stack)))
    _await(machine, mark, deadline)
    _check_modules(machine.output)
    return machine


def _new_memory(recipe: Recipe, stack: ExitStack) -> int:
    """Return an open file for the memory of a guest that boots; it is closed with `stack`."""
    memory = memory_file("memory", b"", recipe.memory_size)
    stack.callback(os.close, memory)
    return memory


def note_kernel(entry: Path, kernel: Kernel) -> None:
    """Write down in the saved guest `entry` which kernel of the cache it is made of."""
    (entry / "kernel").write_text(str(kernel.image.parent.relative_to(cache_root())))


def kernel_is_gone(entry: Path) -> bool:
    """Say whether the kernel of the saved guest `entry` is in the cache no more."""
    try:
        return not (cache_root() / (entry / "kernel").read_text()).exists()
    except FileNotFoundError:
        return False  # it is just being removed


def _await(machine: Machine, expected: bytes, deadline: float) -> None:
    if machine.read_until([expected, PANIC], deadline) == expected:
        return
    machine.read_until([b"---[ end Kernel panic"], time.monotonic() + 1)
    if PANIC in machine.output:
        raise GuestLostError("the kernel panicked while it booted", machine.output)
    if machine.alive:
        raise GuestLostError("the guest did not come up in time", machine.output)
    raise GuestLostError(f"QEMU ended while the guest booted: {machine.complaint()}", machine.output)


def _save(machine: Machine, memory: int, kernel: Kernel, entry: Path, deadline: float) -> None:
    """Save the guest that waits for its line. A full disk costs later runs time, not this one."""
    try:
        with new_directory(entry) as work:
            machine.save(work / "state", deadline)
            copy_memory(memory, work / "memory")
            note_kernel(work, kernel)
    except (InfrastructureError, OSError) as trouble:
        log.warning("the booted guest could not be saved (%s): the next run boots anew", trouble)
    machine.command("cont", deadline)
    with suppress(OSError):
        prune(entry.parent, max(SAVED_GUESTS_BYTES, shutil.disk_usage(entry.parent).free // 10))
