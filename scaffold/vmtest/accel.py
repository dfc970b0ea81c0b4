# SPDX-License-Identifier: BSD-2-Clause
"""Choose the accelerator of a guest: KVM if it works, otherwise TCG.

A usable /dev/kvm is not enough. Under some hypervisors a guest aborts or hangs, and under others (kvm-pvm, for example)
KVM emulates each instruction, a hundred times slower than TCG. So this module runs a guest that only counts to sixteen
million, with a time limit: KVM on the processor and TCG need a tenth of a second, an emulating KVM half a minute.

Source: the Arm Power State Coordination Interface (DEN0022) for SYSTEM_OFF.
"""

import json
import os
import time
from dataclasses import dataclass
from pathlib import Path

from .architecture import Architecture
from .cache import cache_root
from .errors import InfrastructureError
from .files import write_atomically
from .qemu import Accelerator, MachineConfig, QemuMachine, create_memfd, find_qemu

TIMEOUT_SECONDS = 3.0
FIRMWARE_BYTES = 64 << 10
MEMORY_MIB = 16


@dataclass(frozen=True)
class Firmware:
    """Firmware that only ends QEMU: `code` is at `offset` in it, and QEMU's exit status is `exit_status`."""

    code: bytes
    offset: int
    arguments: tuple[str, ...]  # of QEMU
    exit_status: int


FIRMWARE = {
    # At the reset vector: mov $0x1000000, %ecx; 1: dec %ecx; jnz 1b; mov $0x21, %al; out %al, $0xf4; hlt. The
    # debug-exit port turns that value into QEMU's exit status (0x21 << 1 | 1).
    "amd64": Firmware(
        bytes.fromhex("66b900000001 6649 75fc b021 e6f4 f4"),
        FIRMWARE_BYTES - 16,
        ("-device", "isa-debug-exit,iobase=0xf4,iosize=1"),
        0x21 << 1 | 1,
    ),
    # movz w1, #0x100, lsl #16; 1: subs w1, w1, #1; b.ne 1b; movz w0, #8; movk w0, #0x8400, lsl #16; hvc #0: the call
    # SYSTEM_OFF of PSCI, on which QEMU exits with 0.
    "arm64": Firmware(bytes.fromhex("0120a052 21040071 e1ffff54 00018052 0080b072 020000d4"), 0, (), 0),
}


def choose_accelerator(architecture: Architecture) -> Accelerator:
    """Return KVM if a guest of `architecture` has run under it since this machine was started, otherwise TCG.

    Guests of another architecture than this machine's are always emulated.
    """
    if not (architecture.is_native and os.access("/dev/kvm", os.R_OK | os.W_OK)):
        return Accelerator.TCG
    cached = cache_root() / "accel.json"
    qemu = Path(find_qemu(architecture)).resolve()
    boot_id = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    firmware = FIRMWARE[architecture.name].code.hex()
    conditions = {"boot": boot_id, "qemu": str(qemu), "changed": qemu.stat().st_mtime_ns, "firmware": firmware}
    try:
        result = json.loads(cached.read_text())
        accelerator = Accelerator(result.pop("accel"))
        if result == conditions:
            return accelerator
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        pass  # the file is missing or damaged
    accelerator = Accelerator.KVM if can_run_guest(architecture, Accelerator.KVM) else Accelerator.TCG
    cached.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(cached, json.dumps({**conditions, "accel": accelerator}))
    return accelerator


def can_run_guest(architecture: Architecture, accelerator: str) -> bool:
    """Run a guest that counts with QEMU's `accelerator`; return whether it ends within TIMEOUT_SECONDS."""
    firmware = FIRMWARE[architecture.name]
    image = bytearray(FIRMWARE_BYTES)
    image[firmware.offset : firmware.offset + len(firmware.code)] = firmware.code
    descriptor = create_memfd("firmware", bytes(image))
    config = MachineConfig(architecture, accelerator, MEMORY_MIB)
    arguments = [*config.arguments(), "-bios", f"/proc/self/fd/{descriptor}", *firmware.arguments]
    try:
        with QemuMachine(find_qemu(architecture), arguments, [descriptor]) as machine:
            machine.read_until([], time.monotonic() + TIMEOUT_SECONDS)
            return machine.process.poll() == firmware.exit_status
    except InfrastructureError:
        return False
    finally:
        os.close(descriptor)
