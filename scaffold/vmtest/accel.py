# SPDX-License-Identifier: BSD-2-Clause
"""KVM where it works, TCG elsewhere.

That /dev/kvm exists and opens proves nothing: under some hypervisors a guest then aborts, or hangs in
silence. So a guest of three instructions is run, with a deadline.

Sources: the Arm Power State Coordination Interface (DEN0022) for SYSTEM_OFF.
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
from .qemu import Hardware, Machine, memory_file, qemu_program

PROBE_SECONDS = 3.0
FIRMWARE_BYTES = 64 << 10
PROBE_MEMORY = 16  # MiB


@dataclass(frozen=True)
class Probe:
    """A guest that does nothing but end QEMU: where its `code` stands in the firmware, and the exit status then."""

    code: bytes
    offset: int
    arguments: tuple[str, ...]
    status: int


PROBES = {
    # At the reset vector: mov $0x21, %al; out %al, $0xf4; hlt. The debug-exit port turns that value into QEMU's
    # exit status (0x21 << 1 | 1).
    "amd64": Probe(
        bytes.fromhex("b021 e6f4 f4"),
        FIRMWARE_BYTES - 16,
        ("-device", "isa-debug-exit,iobase=0xf4,iosize=1"),
        0x21 << 1 | 1,
    ),
    # movz w0, #8; movk w0, #0x8400, lsl #16; hvc #0: the call SYSTEM_OFF of PSCI, on which QEMU ends with 0.
    "arm64": Probe(bytes.fromhex("00018052 0080b072 020000d4"), 0, (), 0),
}


def choose_accel(architecture: Architecture) -> str:
    """Return "kvm" when a guest was seen to run under it since this machine was started, else "tcg".

    A guest of another architecture than this machine's is always emulated.
    """
    if not (architecture.is_own and os.access("/dev/kvm", os.R_OK | os.W_OK)):
        return "tcg"
    verdicts = cache_root() / "accel.json"
    qemu = Path(qemu_program(architecture)).resolve()
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    seen = {"boot": boot, "qemu": str(qemu), "changed": qemu.stat().st_mtime_ns}
    try:
        known = json.loads(verdicts.read_text())
        if known.pop("accel") in ("kvm", "tcg") and known == seen:
            return str(json.loads(verdicts.read_text())["accel"])
    except (OSError, ValueError, KeyError, AttributeError):
        pass  # no verdict yet, or a damaged one: probe again
    accel = "kvm" if guest_runs(architecture, "kvm") else "tcg"
    verdicts.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(verdicts, json.dumps({**seen, "accel": accel}))
    return accel


def guest_runs(architecture: Architecture, accel: str) -> bool:
    """Run a tiny guest under `accel` and say whether it ran to its end within PROBE_SECONDS."""
    probe = PROBES[architecture.name]
    firmware = bytearray(FIRMWARE_BYTES)
    firmware[probe.offset : probe.offset + len(probe.code)] = probe.code
    descriptor = memory_file("firmware", bytes(firmware))
    hardware = Hardware(architecture, accel, PROBE_MEMORY)
    arguments = [*hardware.arguments(), "-bios", f"/proc/self/fd/{descriptor}", *probe.arguments]
    try:
        with Machine(qemu_program(architecture), arguments, [descriptor]) as machine:
            machine.read_until([], time.monotonic() + PROBE_SECONDS)
            return machine.process.poll() == probe.status
    except InfrastructureError:
        return False
    finally:
        os.close(descriptor)
