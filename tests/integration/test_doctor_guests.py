# SPDX-License-Identifier: BSD-2-Clause
"""The doctor's program on other kernels, in guests that are made to lack something: each finding, both ways."""

import json
import re
import sys
import time
from pathlib import Path

import pytest

from scaffold.doctor.finding import MISSING, OK, WARNING, Finding
from scaffold.vmtest import initramfs
from scaffold.vmtest.kernels import find_kernel
from scaffold.vmtest.snapshot import GuestRequirements, start_guest
from tests.integration.guest_python import python_entries
from tests.integration.repositories import files_of, render

SECONDS = 300
# Runs the doctor as a user who is not root.
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
# What is done in a guest, each before the next look at it.
UNLIMITED = """
doctor healthy
ulimit -l unlimited
doctor unlimited
"""
TROUBLES = """
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


def looks(kernel: str, steps: str, repository: Path) -> dict[str, dict[str, Finding]]:
    """Boot `kernel`, do the steps there, and return the findings of each look, by its name and theirs."""
    payload = [initramfs.file("run/steps.sh", f"{STEPS}{steps}echo {END}".encode())]
    payload += [initramfs.host_file(repository / name, f"repository/{name}") for name in files_of(repository)]
    wanted = GuestRequirements(memory=512, boot_seconds=SECONDS)
    with start_guest(find_kernel(kernel), [*python_entries(repository)], payload, wanted, b"doctor: starts") as (
        machine,
        _,
    ):
        ended = machine.read_until([END.encode()], time.monotonic() + SECONDS)
        console = machine.output.decode(errors="replace")
    assert ended, console[-2000:]
    said = re.split(r"^doctor: (\S+)\n", console.replace("\r\n", "\n").rpartition("doctor: starts\n")[2], flags=re.M)
    return {
        name: {each["check"]: Finding(**each) for each in json.loads(text)["findings"]}
        for name, text in zip(said[1::2], said[2::2], strict=False)
        if name != END.split()[1]
    }


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return render("libbpf", tmp_path_factory.mktemp("guests"))


def check(findings: dict[str, Finding], name: str, status: str, words: str, mend: str = "") -> None:
    """A finding has this status, and these words in it and in what mends it."""
    found = findings[name]
    assert found.status == status and words in found.found and mend in found.mend, found
    assert bool(found.mend) == bool(mend), found


def check_healthy(findings: dict[str, Finding], lockdown: str) -> None:
    """All is well in the kernel; there is no compiler."""
    check(findings, "BTF", OK, "/sys/kernel/btf/vmlinux")
    check(findings, "bpf()", OK, "was loaded")
    check(findings, "lockdown", OK, lockdown)
    check(findings, "tracefs", OK, "/sys/kernel/tracing, syscalls/sys_enter_write")
    check(findings, "tracing_on", OK, "1")
    check(findings, "clang", MISSING, "not on PATH", "clang")


def test_an_old_kernel_lacks_something(repository: Path) -> None:
    found = looks("5.10", UNLIMITED, repository)
    check_healthy(found["healthy"], "not seen")
    check(found["healthy"], "kernel", WARNING, "5.10.", "6.2")
    assert "timers" in found["healthy"]["kernel"].found and "ring buffers" not in found["healthy"]["kernel"].found
    check(found["healthy"], "memlock", WARNING, "64 KiB", "ulimit -l unlimited")
    check(found["unlimited"], "memlock", OK, "unlimited")


def test_what_is_taken_from_a_kernel_is_missed(repository: Path) -> None:
    found = looks("6.12", TROUBLES, repository)
    check_healthy(found["healthy"], "none")
    check(found["healthy"], "kernel", OK, "6.12.")
    check(found["healthy"], "memlock", OK, "KiB")
    check(found["user"], "bpf()", MISSING, "needs root", "su -c 'make run'")
    check(found["user"], "tracefs", OK, "root alone")
    check(found["user"], "tracing_on", WARNING, "only root may look", "tracing_on")
    check(found["sudoer"], "bpf()", OK, "`make run` takes sudo")
    check(found["switched-off"], "tracing_on", MISSING, "0: ", "echo 1 | tee /sys/kernel/tracing/tracing_on")
    check(found["switched-off"], "BTF", MISSING, "no /sys/kernel/btf/vmlinux", "CONFIG_DEBUG_INFO_BTF")
    check(found["bare"], "tracefs", MISSING, "not mounted", "mount -t tracefs tracefs /sys/kernel/tracing")
    check(found["bare"], "tracing_on", WARNING, "without tracefs", "mount -t tracefs tracefs /sys/kernel/tracing")
    check(found["locked-down"], "tracing_on", WARNING, "root cannot read it", "lockdown")
    check(found["locked-down"], "lockdown", MISSING, "confidentiality", "lockdown=integrity")
