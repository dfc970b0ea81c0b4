# SPDX-License-Identifier: BSD-2-Clause
"""Print in JSON what this machine provides for guests: `python3 -m vmtest.probe`.

Each call runs a small test guest. It does not use the results of earlier calls.
"""

import json
import os
import shutil
import sys
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path

from .accel import can_run_guest
from .apt import configured_suites
from .architecture import Architecture, host_architecture
from .available import kernel_directory
from .cache import cache_root
from .errors import InfrastructureError
from .kernel_cache import valid_entries
from .qemu import Accelerator

KVM_DEVICE = Path("/dev/kvm")


class KvmState(StrEnum):
    """Whether guests can use KVM."""

    WORKS = "works"
    FAILS = "fails"  # a guest does not run with it
    DENIED = "denied"  # this user has no permission
    ABSENT = "absent"  # there is no /dev/kvm
    UNTRIED = "untried"  # QEMU is not installed


@dataclass(frozen=True)
class GuestSupport:
    """What this machine provides for guests. The fields are the keys of the JSON object."""

    architecture: str  # Debian's name
    qemu: str  # the command
    runs: bool  # an emulated guest has run
    kvm: KvmState
    suites: tuple[str, ...]  # those in apt's sources, from which kernels are downloaded
    kernels: tuple[str, ...]  # the releases in the cache
    cache: str  # the directory with kernels and snapshots


def probe() -> GuestSupport:
    """Return what this machine provides for guests of its own architecture.

    Raises:
        InfrastructureError: the runner has no guests of that architecture.
    """
    architecture = host_architecture()
    has_qemu = shutil.which(architecture.qemu) is not None
    return GuestSupport(
        architecture=architecture.name,
        qemu=architecture.qemu,
        runs=has_qemu and can_run_guest(architecture, Accelerator.TCG),
        kvm=_kvm_state(architecture, has_qemu),
        suites=_suite_names(),
        kernels=tuple(source.release for source in valid_entries(kernel_directory(architecture)).values()),
        cache=str(cache_root()),
    )


def _kvm_state(architecture: Architecture, has_qemu: bool) -> KvmState:
    if not KVM_DEVICE.exists():
        return KvmState.ABSENT
    if not os.access(KVM_DEVICE, os.R_OK | os.W_OK):
        return KvmState.DENIED
    if not has_qemu:
        return KvmState.UNTRIED
    return KvmState.WORKS if can_run_guest(architecture, Accelerator.KVM) else KvmState.FAILS


def _suite_names() -> tuple[str, ...]:
    try:
        return tuple(suite.name for suite in configured_suites())
    except InfrastructureError:
        return ()


if __name__ == "__main__":
    try:
        print(json.dumps(asdict(probe())))
    except InfrastructureError as error:
        sys.exit(str(error))
