# SPDX-License-Identifier: BSD-2-Clause
"""What differs between the architectures that a guest can have.

Sources: QEMU's qemu-system-x86_64(1) and docs/system/arm/virt.rst; elf(5) for e_machine.
"""

import platform
from dataclasses import dataclass

from .errors import InfrastructureError


@dataclass(frozen=True)
class Architecture:
    """One architecture. `name` is Debian's, `machine` the kernel's own."""

    name: str
    machine: str
    qemu: str
    package: str  # that has QEMU for it
    board: tuple[str, ...]  # QEMU's arguments for the machine
    processor: str  # QEMU's -cpu where it is emulated
    kernel_arguments: str
    emulated_arguments: str  # more of them where it is emulated
    elf_machine: int

    @property
    def is_own(self) -> bool:
        """Say whether it is this machine's."""
        return self.machine == platform.machine()


ARCHITECTURES = {
    "amd64": Architecture(
        name="amd64",
        machine="x86_64",
        qemu="qemu-system-x86_64",
        package="qemu-system-x86",
        board=("-M", "pc,usb=off,vmport=off"),
        # Emulated, cmpxchg16b leaves garbage in the flags (QEMU 7.2): every tenth boot of a kernel that
        # uses it (6.12) panics or hangs. Five-level page tables only cost time, and so does a kernel that copies
        # bytes one by one because the processor is said to do that fast (erms; a kernel hangs with fsrm alone).
        processor="max,cx16=off,la57=off,erms=off,fsrm=off",
        # Patching locks for a single processor and checking the timer take time.
        kernel_arguments="console=ttyS0 noreplace-smp no_timer_check",
        # How fast the processor counts, the kernel measures while it boots: on a busy machine up to twenty times wrong.
        # Then every wait in the guest is too short. This timer's rate is fixed.
        emulated_arguments="clocksource=acpi_pm",
        elf_machine=62,
    ),
    "arm64": Architecture(
        name="arm64",
        machine="aarch64",
        qemu="qemu-system-aarch64",
        package="qemu-system-arm",
        # The newest interrupt controller: under KVM most machines have no other.
        board=("-M", "virt,gic-version=max"),
        # The newest one (max) authenticates pointers, which takes an emulator half of its time.
        processor="cortex-a57",
        kernel_arguments="console=ttyAMA0",
        emulated_arguments="",
        elf_machine=183,
    ),
}


def own_architecture() -> Architecture:
    """Return this machine's architecture.

    Raises:
        InfrastructureError: no guest of it is known here.
    """
    for architecture in ARCHITECTURES.values():
        if architecture.is_own:
            return architecture
    known = " and ".join(ARCHITECTURES)
    raise InfrastructureError(
        f"this machine is a {platform.machine()}: only guests of {known} are known; name one with --arch"
    )


def find_architecture(name: str) -> Architecture:
    """Return the architecture `name`, as Debian calls it; "" is this machine's.

    Raises:
        InfrastructureError: it is not known.
    """
    if not name:
        return own_architecture()
    if name not in ARCHITECTURES:
        raise InfrastructureError(f"architecture {name!r} is not known: there are {' and '.join(ARCHITECTURES)}")
    return ARCHITECTURES[name]
