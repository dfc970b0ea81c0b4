# SPDX-License-Identifier: BSD-2-Clause
"""Checks of what the guests of `make test` take; the runner of the tests says what it finds itself."""

import json
import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .distribution import Distribution, installs
from .finding import MISSING, OK, TEST, WARNING, Finding
from .host import Host, line
from .needs import Need
from .tools import check_need

SLOWER = "guests are emulated, several times slower"
# A kernel in the cache takes 110 MB, its saved guest 70.
LEAST_BYTES, ADVISED_BYTES = 500 << 20, 3 << 30


def check_guests(needs: Mapping[str, Need], host: Host, distribution: Distribution) -> list[Finding]:
    """Does QEMU run a guest, by KVM too? Where do kernels come from, and is there room for them?

    `needs` are those of the runner by name: QEMU's command has that of the machine's architecture.
    """
    told = host.run_runner("probe")
    if told.status != 0:
        why = f"the runner of the tests cannot tell: {line(told.complained.strip().rpartition(os.linesep)[2])}"
        return [Finding(TEST, "guests", MISSING, why, "make in-container T=test")]
    found = json.loads(told.printed)
    return [
        _qemu(found, needs[found["qemu"]], host, distribution),
        _kvm(found["kvm"], host),
        _kernels(found),
        _disk(Path(found["cache"])),
    ]


def check_busybox(need: Need, host: Host, distribution: Distribution) -> Finding:
    """Is there the shell of the guests?"""
    found = check_need(need, host, distribution)
    if found.status != OK and host.which("apt-get"):
        said = f"{found.found}: the first test fetches it for its guests, and installs nothing"
        return Finding(TEST, need.name, WARNING, said, found.mend, found.package)
    return found


def _qemu(probed: Mapping[str, Any], need: Need, host: Host, distribution: Distribution) -> Finding:
    found = check_need(need, host, distribution)
    if found.status != OK:
        return found
    if probed["runs"] or probed["kvm"] == "works":
        return Finding(TEST, need.name, OK, f"{found.found}, a guest ran")
    mend = installs(need, distribution, host)
    return Finding(TEST, need.name, MISSING, f"{found.found}, but no guest of three instructions runs", mend)


def _kvm(state: str, host: Host) -> Finding:
    if state == "works":
        return Finding(TEST, "KVM", OK, "a guest ran under it")
    if state == "denied":
        user = os.environ.get("USER", "USER")
        mend = f"{host.as_root(f'usermod --append --groups kvm {user}')}, then log in again"
        return Finding(TEST, "KVM", WARNING, f"/dev/kvm is not for this user: {SLOWER}", mend)
    if state == "fails":
        mend = "none is needed; in a virtual machine its host must allow nested ones"
        return Finding(TEST, "KVM", WARNING, f"/dev/kvm is there, but a guest does not run under it: {SLOWER}", mend)
    if state == "untried":
        return Finding(
            TEST, "KVM", WARNING, "/dev/kvm is there, but cannot be tried without QEMU", "install QEMU first"
        )
    flag = re.search(r"\b(vmx|svm)\b", host.text("proc/cpuinfo"))
    if flag is None:
        said, mend = (
            "no /dev/kvm, nor a processor for it",
            "switch virtualisation on, in the firmware or the host of a VM",
        )
    else:
        said, mend = "no /dev/kvm", host.as_root(f"modprobe kvm_{'intel' if flag[1] == 'vmx' else 'amd'}")
    return Finding(TEST, "KVM", WARNING, f"{said}: {SLOWER}", mend)


def _kernels(probed: Mapping[str, Any]) -> Finding:
    cached = f"{len(probed['kernels']) or 'none'} in the cache"
    if probed["suites"]:
        return Finding(TEST, "kernels", OK, f"from apt: {', '.join(dict.fromkeys(probed['suites']))}; {cached}")
    mend = "make test KERNEL=host, or KERNEL=/path/of/a/kernel, or make in-container T=test"
    return Finding(TEST, "kernels", WARNING, f"no apt to fetch them by; {cached}", mend)


def _disk(cache: Path) -> Finding:
    place = next(each for each in (cache, *cache.parents) if os.path.exists(each))
    free = shutil.disk_usage(place).free
    home = os.path.expanduser("~")
    shown = Path("~", cache.relative_to(home)) if cache.is_relative_to(home) else cache
    said = f"{free / 1e9:.1f} GB free for {shown}"
    mend = "make room, or put the cache elsewhere: export XDG_CACHE_HOME=/another/place"
    if not os.access(place, os.W_OK):
        return Finding(TEST, "disk", MISSING, f"{place} is not writable", mend)
    if free < ADVISED_BYTES:
        return Finding(TEST, "disk", MISSING if free < LEAST_BYTES else WARNING, said, mend)
    return Finding(TEST, "disk", OK, said)
