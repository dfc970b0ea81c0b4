# SPDX-License-Identifier: BSD-2-Clause
"""KVM where it works, TCG elsewhere.

That /dev/kvm exists and opens proves nothing: under some hypervisors a guest then aborts, or hangs in
silence. So a guest of three instructions is run, with a deadline.
"""

import json
import os
import time
from pathlib import Path

from .cache import cache_root
from .errors import CannotRun
from .machine import Machine, memory_file, qemu_program

PROBE_SECONDS = 3.0
FIRMWARE_BYTES = 64 << 10
# At the reset vector: mov $0x21, %al; out %al, $0xf4; hlt. The debug-exit port turns that value
# into QEMU's exit status (0x21 << 1 | 1).
RESET_CODE = bytes.fromhex("b021 e6f4 f4")
EXIT_STATUS = 0x21 << 1 | 1


def choose_accel() -> str:
    """Return "kvm" when a guest was seen to run under it since this machine was started, else "tcg"."""
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        return "tcg"
    verdicts = cache_root() / "accel.json"
    qemu = Path(qemu_program()).resolve()
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    seen = {"boot": boot, "qemu": str(qemu), "changed": qemu.stat().st_mtime_ns}
    try:
        known = json.loads(verdicts.read_text())
        if known.pop("accel") in ("kvm", "tcg") and known == seen:
            return str(json.loads(verdicts.read_text())["accel"])
    except (OSError, ValueError, KeyError, AttributeError):
        pass  # no verdict yet, or a damaged one: probe again
    accel = "kvm" if kvm_works() else "tcg"
    verdicts.parent.mkdir(parents=True, exist_ok=True)
    written = verdicts.with_name(f".accel.{os.getpid()}")
    written.write_text(json.dumps({**seen, "accel": accel}))
    written.replace(verdicts)
    return accel


def kvm_works() -> bool:
    """Run a tiny guest under KVM and say whether it ran to its end within PROBE_SECONDS."""
    firmware = bytearray(b"\xf4" * FIRMWARE_BYTES)
    firmware[-16 : -16 + len(RESET_CODE)] = RESET_CODE
    descriptor = memory_file("firmware", bytes(firmware))
    arguments = [
        "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
        "-M", "pc", "-accel", "kvm", "-cpu", "host", "-m", "16M",
        "-bios", f"/proc/self/fd/{descriptor}", "-device", "isa-debug-exit,iobase=0xf4,iosize=1",
    ]  # fmt: skip
    try:
        with Machine(arguments, [descriptor]) as machine:
            machine.read_until([], time.monotonic() + PROBE_SECONDS)
            return machine.process.poll() == EXIT_STATUS
    except CannotRun:
        return False
    finally:
        os.close(descriptor)
