# SPDX-License-Identifier: BSD-2-Clause
"""The doctor in guests with other kernels, from which the test takes something away."""

import json
import re
import sys
import time
from pathlib import Path

import pytest

from scaffold.doctor.finding import Finding, Status
from scaffold.vmtest import initramfs
from scaffold.vmtest.kernels import find_kernel
from scaffold.vmtest.snapshot import GuestRequirements, start_guest
from tests.findings import finding_from_json
from tests.integration.guest_python import python_entries
from tests.integration.repositories import files_of, render

SECONDS = 300
# Runs the doctor as another user than root.
AS_USER = """-c 'import os, runpy, sys
os.setgroups([]); os.setgid(65534); os.setuid(65534)
sys.argv[1:] = ["--json"]; runpy.run_module("doctor", run_name="__main__")'"""
STEPS = f"""
echo doctor: starts
exec 2>&1
export PYTHONHOME={sys.base_prefix} PYTHONPATH=tools PATH=/bin
cd /repository
doctor() {{ echo "doctor: $1"; python3 -m doctor --json; }}
as_user() {{ echo "doctor: $1"; python3 {AS_USER}; }}
switch=/sys/kernel/tracing/tracing_on
"""
# Shell commands in a guest. Each call of doctor or as_user reports under the name in its argument.
UNLIMITED = """
doctor healthy
ulimit -l unlimited
doctor unlimited
"""
PROBLEMS = """
mount -t securityfs none /sys/kernel/security
doctor healthy
as_user user
touch /bin/sudo; chmod 755 /bin/sudo; as_user sudoer; rm /bin/sudo
echo 0 >$switch
mount -t tmpfs none /sys/kernel/btf
doctor switched-off
echo 1 >$switch
umount /sys/kernel/tracing
doctor bare
mount -t tracefs tracefs /sys/kernel/tracing
echo confidentiality >/sys/kernel/security/lockdown
doctor locked-down
"""
END = "doctor: end\n"


def run_in_guest(kernel: str, steps: str, repository: Path) -> dict[str, dict[str, Finding]]:
    """Boot `kernel`, run `steps` there, and return the findings by the name of the report and of the check."""
    payload = [initramfs.file("run/steps.sh", f"{STEPS}{steps}echo {END}".encode())]
    payload += [initramfs.host_file(repository / name, f"repository/{name}") for name in files_of(repository)]
    guest_needs = GuestRequirements(memory=512, boot_seconds=SECONDS)
    with start_guest(find_kernel(kernel), [*python_entries(repository)], payload, guest_needs, b"doctor: starts") as (
        machine,
        _,
    ):
        ended = machine.read_until([END.encode()], time.monotonic() + SECONDS)
        console = machine.output.decode(errors="replace")
    assert ended, console[-2000:]
    reports = re.split(r"^doctor: (\S+)\n", console.replace("\r\n", "\n").rpartition("doctor: starts\n")[2], flags=re.M)
    return {
        name: {entry["check"]: finding_from_json(entry) for entry in json.loads(text)["findings"]}
        for name, text in zip(reports[1::2], reports[2::2], strict=False)
        if name != END.split()[1]
    }


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return render("libbpf", tmp_path_factory.mktemp("guests"))


def assert_finding(findings: dict[str, Finding], check: str, status: Status, found: str, fix: str = "") -> None:
    """Assert that a finding has this status, and that its texts contain `found` and `fix`."""
    finding = findings[check]
    assert finding.status == status and found in finding.found and fix in finding.fix, finding
    assert bool(finding.fix) == bool(fix), finding


def assert_healthy(findings: dict[str, Finding], lockdown: str) -> None:
    """Assert that the kernel has no problem, and that the guest has no compiler."""
    assert_finding(findings, "BTF", Status.OK, "/sys/kernel/btf/vmlinux")
    assert_finding(findings, "bpf()", Status.OK, "was loaded")
    assert_finding(findings, "lockdown", Status.OK, lockdown)
    assert_finding(findings, "tracefs", Status.OK, "/sys/kernel/tracing, syscalls/sys_enter_write")
    assert_finding(findings, "tracing_on", Status.OK, "1")
    assert_finding(findings, "clang", Status.MISSING, "not on PATH", "clang")


def test_old_kernel_lacks_features(repository: Path) -> None:
    reports = run_in_guest("5.10", UNLIMITED, repository)
    assert_healthy(reports["healthy"], "not reported")
    assert_finding(reports["healthy"], "kernel", Status.WARNING, "5.10.", "6.2")
    assert "timers" in reports["healthy"]["kernel"].found and "ring buffers" not in reports["healthy"]["kernel"].found
    assert_finding(reports["healthy"], "memlock", Status.WARNING, "64 KiB", "ulimit -l unlimited")
    assert_finding(reports["unlimited"], "memlock", Status.OK, "unlimited")


def test_doctor_finds_what_a_kernel_lacks(repository: Path) -> None:
    reports = run_in_guest("6.12", PROBLEMS, repository)
    assert_healthy(reports["healthy"], "none")
    assert_finding(reports["healthy"], "kernel", Status.OK, "6.12.")
    assert_finding(reports["healthy"], "memlock", Status.OK, "KiB")
    assert_finding(reports["user"], "bpf()", Status.MISSING, "needs root", "su -c 'make run'")
    assert_finding(reports["user"], "tracefs", Status.OK, "only root")
    assert_finding(reports["user"], "tracing_on", Status.WARNING, "only root can read", "tracing_on")
    assert_finding(reports["sudoer"], "bpf()", Status.OK, "`make run` uses sudo")
    assert_finding(
        reports["switched-off"], "tracing_on", Status.MISSING, "0: ", "echo 1 | tee /sys/kernel/tracing/tracing_on"
    )
    assert_finding(
        reports["switched-off"],
        "BTF",
        Status.MISSING,
        "/sys/kernel/btf/vmlinux does not exist",
        "CONFIG_DEBUG_INFO_BTF",
    )
    assert_finding(
        reports["bare"], "tracefs", Status.MISSING, "not mounted", "mount -t tracefs tracefs /sys/kernel/tracing"
    )
    assert_finding(
        reports["bare"],
        "tracing_on",
        Status.WARNING,
        "tracefs is not mounted",
        "mount -t tracefs tracefs /sys/kernel/tracing",
    )
    assert_finding(reports["locked-down"], "tracing_on", Status.WARNING, "root cannot read it", "lockdown")
    assert_finding(reports["locked-down"], "lockdown", Status.MISSING, "confidentiality", "lockdown=integrity")
