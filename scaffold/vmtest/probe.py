# SPDX-License-Identifier: BSD-2-Clause
"""What this machine has for guests, in JSON: `python3 -m vmtest.probe`.

A guest of three instructions is run each time; what an earlier run has found counts for nothing here.
"""

import json
import os
import shutil
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

from .accel import guest_runs
from .apt import own_suites
from .architecture import Architecture, own_architecture
from .available import kernel_store
from .cache import cache_root
from .errors import InfrastructureError
from .kernel_cache import whole_entries

KVM = Path("/dev/kvm")


@dataclass(frozen=True)
class Guests:
    """`kvm` is works, fails, denied (this user may not), absent, or untried (there is no QEMU)."""

    architecture: str  # as Debian calls it
    qemu: str  # the command
    runs: bool  # a guest was seen to run, emulated
    kvm: str
    suites: tuple[str, ...]  # that apt here is set up for: where kernels come from
    kernels: tuple[str, ...]  # that were fetched before
    cache: str  # where they are kept, and saved guests


def probe() -> Guests:
    """Return what this machine has for guests of its own architecture.

    Raises:
        InfrastructureError: no guest of it is known.
    """
    architecture = own_architecture()
    there = shutil.which(architecture.qemu) is not None
    runs = there and guest_runs(architecture, "tcg")
    return Guests(
        architecture=architecture.name,
        qemu=architecture.qemu,
        runs=runs,
        kvm=_kvm(architecture, there),
        suites=_suites(),
        kernels=tuple(origin.release for origin in whole_entries(kernel_store(architecture)).values()),
        cache=str(cache_root()),
    )


def _kvm(architecture: Architecture, there: bool) -> str:
    if not KVM.exists():
        return "absent"
    if not os.access(KVM, os.R_OK | os.W_OK):
        return "denied"
    if not there:
        return "untried"
    return "works" if guest_runs(architecture, "kvm") else "fails"


def _suites() -> tuple[str, ...]:
    try:
        return tuple(suite.name for suite in own_suites())
    except InfrastructureError:
        return ()


if __name__ == "__main__":
    try:
        print(json.dumps(asdict(probe())))
    except InfrastructureError as trouble:
        sys.exit(str(trouble))
