# SPDX-License-Identifier: BSD-2-Clause
"""The differences between the architectures that a guest can have.

Sources: QEMU's qemu-system-x86_64(1) and docs/system/arm/virt.rst; elf(5) for e_machine.
"""

import platform
from dataclasses import dataclass

from .errors import InfrastructureError


@dataclass(frozen=True)
class Architecture:
    """One architecture: `name` is Debian's name for it, `machine` the kernel's (`uname -m`)."""

    name: str
    machine: str
    qemu: str  # the command
    qemu_package: str  # the Debian package with that command
    machine_arguments: tuple[str, ...]  # of QEMU
    emulated_cpu: str  # QEMU's -cpu without KVM
    kernel_arguments: str
    emulated_kernel_arguments: str  # added to the kernel's command line without KVM
    elf_machine: int

    @property
    def is_native(self) -> bool:
        """Whether this machine has the architecture."""
        return self.machine == platform.machine()


ARCHITECTURES = {
    "amd64": Architecture(
        name="amd64",
        machine="x86_64",
        qemu="qemu-system-x86_64",
        qemu_package="qemu-system-x86",
        machine_arguments=("-M", "pc,usb=off,vmport=off"),
        # QEMU 7.2 emulates cmpxchg16b with wrong flags: every tenth boot of a kernel that uses it (6.12) panics or
        # hangs. Five-level page tables only take time, and so does copying byte by byte, which a kernel does if the
        # processor claims that it is fast (erms; with fsrm alone a kernel hangs).
        emulated_cpu="max,cx16=off,la57=off,erms=off,fsrm=off",
        # Patching locks for a single processor and checking the timer take time.
        kernel_arguments="console=ttyS0 noreplace-smp no_timer_check",
        # A kernel measures the rate of the processor's counter while it boots. On a busy machine the result is up to
        # twenty times wrong, and then every wait in the guest is too short. The rate of this timer is fixed.
        emulated_kernel_arguments="clocksource=acpi_pm",
        elf_machine=62,
    ),
    "arm64": Architecture(
        name="arm64",
        machine="aarch64",
        qemu="qemu-system-aarch64",
        qemu_package="qemu-system-arm",
        # The newest interrupt controller: under KVM most machines support no other.
        machine_arguments=("-M", "virt,gic-version=max"),
        # The newest processor (max) authenticates pointers, which takes half of an emulator's time.
        emulated_cpu="cortex-a57",
        kernel_arguments="console=ttyAMA0",
        emulated_kernel_arguments="",
        elf_machine=183,
    ),
}


def host_architecture() -> Architecture:
    """Return the architecture of this machine.

    Raises:
        InfrastructureError: the runner has no guests of this architecture.
    """
    for architecture in ARCHITECTURES.values():
        if architecture.is_native:
            return architecture
    raise InfrastructureError(
        f"unknown architecture {platform.machine()} of this machine: expected {' or '.join(ARCHITECTURES)}",
        hint="name the architecture of the guest with --arch",
    )


def find_architecture(name: str) -> Architecture:
    """Return the architecture with Debian's name `name`; "" is that of this machine.

    Raises:
        InfrastructureError: the name is unknown.
    """
    if not name:
        return host_architecture()
    if name not in ARCHITECTURES:
        raise InfrastructureError(f"unknown architecture {name!r}: expected {' or '.join(ARCHITECTURES)}")
    return ARCHITECTURES[name]


def architecture_of_elf(elf_machine: int) -> Architecture | None:
    """Return the architecture of ELF files with the machine number `elf_machine`; None if it is unknown."""
    return next((each for each in ARCHITECTURES.values() if each.elf_machine == elf_machine), None)
