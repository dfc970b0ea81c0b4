# SPDX-License-Identifier: BSD-2-Clause
"""Checks of what the guests of `make test` need. The test runner itself reports what it finds (vmtest.probe)."""

import json
import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .distribution import Distribution, need_fix
from .finding import Finding, Purpose, Status
from .host import Host, first_line
from .needs import Need
from .tools import check_need

SLOW = "guests are emulated, which is several times slower"
# A kernel in the cache takes 110 MB, its saved guest 70.
MIN_FREE_BYTES, RECOMMENDED_FREE_BYTES = 500 << 20, 3 << 30


def check_guests(runner_needs: Mapping[str, Need], host: Host, distribution: Distribution) -> list[Finding]:
    """Check that QEMU runs a guest, if possible with KVM, that kernels are available, and the free disk space.

    `runner_needs` are by name. The need for QEMU has the name of QEMU's command for the architecture of this machine.
    """
    result = host.run_vmtest_module("probe")
    if result.status != 0:
        last_line = result.stderr.strip().rpartition("\n")[2]
        found = f"the probe of the test runner failed: {first_line(last_line)}"
        return [Finding(Purpose.TEST, "guests", Status.MISSING, found, "make in-container T=test")]
    probe = json.loads(result.stdout)
    return [
        _check_qemu(probe, runner_needs[probe["qemu"]], host, distribution),
        _check_kvm(probe["kvm"], host),
        _check_kernels(probe),
        _check_disk(Path(probe["cache"])),
    ]


def check_busybox(need: Need, host: Host, distribution: Distribution) -> Finding:
    """Check for busybox, the shell of the guests."""
    finding = check_need(need, host, distribution)
    if finding.status == Status.OK or not host.which("apt-get"):
        return finding
    found = f"{finding.found}: the first test downloads it for its guests, and does not install it"
    return Finding(Purpose.TEST, need.name, Status.WARNING, found, finding.fix, finding.package)


def _check_qemu(probe: Mapping[str, Any], need: Need, host: Host, distribution: Distribution) -> Finding:
    finding = check_need(need, host, distribution)
    if finding.status != Status.OK:
        return finding
    if probe["runs"] or probe["kvm"] == "works":
        return Finding(Purpose.TEST, need.name, Status.OK, f"{finding.found}, a test guest ran")
    found = f"{finding.found}, but its test guest did not run"
    return Finding(Purpose.TEST, need.name, Status.MISSING, found, need_fix(need, distribution, host))


def _check_kvm(state: str, host: Host) -> Finding:
    """Turn the state of KVM, one of those that vmtest.probe lists, into a finding."""
    if state == "works":
        return Finding(Purpose.TEST, "KVM", Status.OK, "a test guest ran with it")
    if state == "denied":
        user = os.environ.get("USER", "USER")
        found = f"this user cannot open /dev/kvm: {SLOW}"
        fix = f"{host.as_root(f'usermod --append --groups kvm {user}')}, then log in again"
    elif state == "fails":
        found = f"/dev/kvm exists, but a test guest did not run with it: {SLOW}"
        fix = "optional: if this machine is a VM, allow nested virtualisation on its host"
    elif state == "untried":
        found, fix = "/dev/kvm exists, but cannot be tested without QEMU", "install QEMU first"
    elif flag := re.search(r"\b(vmx|svm)\b", host.read_text("proc/cpuinfo")):
        found = f"/dev/kvm does not exist: {SLOW}"
        fix = host.as_root(f"modprobe kvm_{'intel' if flag[1] == 'vmx' else 'amd'}")
    else:
        found = f"/dev/kvm does not exist, and the processor reports no virtualisation: {SLOW}"
        fix = "switch virtualisation on in the firmware, or nested virtualisation on the host of this VM"
    return Finding(Purpose.TEST, "KVM", Status.WARNING, found, fix)


def _check_kernels(probe: Mapping[str, Any]) -> Finding:
    cached = f"{len(probe['kernels']) or 'none'} in the cache"
    if probe["suites"]:
        found = f"from apt: {', '.join(dict.fromkeys(probe['suites']))}; {cached}"
        return Finding(Purpose.TEST, "kernels", Status.OK, found)
    found = f"cannot be downloaded, because apt is missing or not set up; {cached}"
    fix = "make test KERNEL=host, or KERNEL=/path/of/a/kernel, or make in-container T=test"
    return Finding(Purpose.TEST, "kernels", Status.WARNING, found, fix)


def _check_disk(cache: Path) -> Finding:
    directory = next(path for path in (cache, *cache.parents) if os.path.exists(path))
    free_bytes = shutil.disk_usage(directory).free
    home = os.path.expanduser("~")
    shown = Path("~", cache.relative_to(home)) if cache.is_relative_to(home) else cache
    found = f"{free_bytes / 1e9:.1f} GB free for {shown}"
    fix = "delete files, or choose another cache: export XDG_CACHE_HOME=/another/directory"
    if not os.access(directory, os.W_OK):
        return Finding(Purpose.TEST, "disk", Status.MISSING, f"{directory} is not writable", fix)
    if free_bytes < MIN_FREE_BYTES:
        return Finding(Purpose.TEST, "disk", Status.MISSING, found, fix)
    if free_bytes < RECOMMENDED_FREE_BYTES:
        return Finding(Purpose.TEST, "disk", Status.WARNING, found, fix)
    return Finding(Purpose.TEST, "disk", Status.OK, found)
