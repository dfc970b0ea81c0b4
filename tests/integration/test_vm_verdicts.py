# SPDX-License-Identifier: BSD-2-Clause
"""In real guests correct projects pass on every kernel, and each kind of failure has its own verdict."""

import os
import shutil
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

from scaffold.vmtest import initramfs
from scaffold.vmtest.architecture import host_architecture
from scaffold.vmtest.kernel_cache import Kernel
from scaffold.vmtest.kernels import find_kernel
from scaffold.vmtest.manifest import load_manifest
from scaffold.vmtest.qemu import QemuMachine
from scaffold.vmtest.run import payload_entries, program_files
from scaffold.vmtest.snapshot import GuestRequirements, start_guest
from scaffold.vmtest.verdict import StepName, read_report
from tests.integration.vm_runs import RunnerResult, read_lines, run_vmtest

KERNELS = ("6.1", "6.12")
FIELDS = "project framework kernel arch release accel warm verdict boot_s attach_s total_s events reason console log"
Change = Callable[[str, str, str], Path]
PROGRAM, LOADER = "src/minimal.bpf.c", "src/main.c"
WAIT = "sigwait(&stop, &signal);"
LOAD = "if (load(skel) == 0 && attach(skel) == 0)"


def only_verdict(run: RunnerResult) -> dict[str, object]:
    assert len(run.verdicts) == 1, run
    return run.verdicts[0]


def test_every_framework_passes_on_every_kernel(built: Path) -> None:
    command = [sys.executable, "-m", "scaffold", "test", str(built), "--json"]
    junit = built.parent / "junit.xml"
    kernels = [word for kernel in KERNELS for word in ("--kernel", kernel)]
    done = subprocess.run([*command, *kernels, "--junit", junit], capture_output=True, text=True, check=False)
    run = RunnerResult(done.returncode, read_lines(done.stdout), done.stderr)
    assert run.status == 0, run
    assert sorted(verdict["kernel"] for verdict in run.verdicts) == sorted(KERNELS)
    for verdict in run.verdicts:
        assert list(verdict) == FIELDS.split()
        assert verdict["verdict"] == "pass"
        assert str(verdict["release"]).startswith(str(verdict["kernel"]))
        assert 0 < float(str(verdict["attach_s"])) < float(str(verdict["total_s"]))
        assert verdict["accel"] in ("kvm", "tcg")
        assert "BPF triggered sys_enter_write from PID" in verdict["events"][0]
    suite = ElementTree.parse(junit).getroot()[0]
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("2", "0", "0")


def test_the_repository_tests_itself_without_the_generator(built: Path) -> None:
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    done = subprocess.run(
        ["make", "test", "KERNEL=6.1"], cwd=built, capture_output=True, text=True, env=environment, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "PASS" in done.stdout
    assert "BPF triggered sys_enter_write from PID" in done.stdout


@contextmanager
def completed_guest(project: Path, kernel: Kernel) -> Iterator[QemuMachine]:
    """Run `project` on `kernel` until the guest prints its last line."""
    manifest = load_manifest(project)
    payload = payload_entries(manifest, "mark")
    libraries = [entry for path in program_files(manifest) for entry in initramfs.libraries(path)]
    requirements = GuestRequirements(manifest.memory, manifest.boot_seconds)
    with start_guest(kernel, libraries, payload, requirements, b"mark begin") as (machine, _):
        assert machine.read_until([b"mark bye"], time.monotonic() + manifest.seconds)
        yield machine


def test_the_guest_waits_until_its_last_line_was_read(libbpf_project: Path) -> None:
    # A kernel that powers off prints to the console at once, in the middle of lines that are not sent yet.
    with completed_guest(libbpf_project, find_kernel("6.12")) as machine:
        assert machine.read_until([b"reboot:"], time.monotonic() + 1) is None
        assert machine.is_running


def test_the_clock_of_the_guest_is_right_if_its_kernel_measures_a_wrong_rate(
    libbpf_project: Path, fresh_guests: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", fresh_guests["XDG_CACHE_HOME"])
    kernel = find_kernel("6.12")
    arguments = f"{kernel.architecture.kernel_arguments} tsc_early_khz=100000"  # as measured on a busy machine
    kernel = replace(kernel, architecture=replace(kernel.architecture, kernel_arguments=arguments))
    began = time.monotonic()
    with completed_guest(libbpf_project, kernel) as machine:
        elapsed = time.monotonic() - began
    steps = read_report(machine.output, b"mark").steps
    assert 0 < steps[StepName.FILTERED].ready - steps[StepName.ALL].started < elapsed


@pytest.mark.parametrize("kernel", ["5.10", "6.12"])
def test_tracing_is_enabled_before_the_program_is_loaded(changed_project: Change, kernel: str) -> None:
    # A worker of the kernel enables it, on a busy machine only after the trigger has run.
    script = "cat /sys/kernel/tracing/events/bpf_trace/bpf_trace_printk/enable; exit 3"
    project = changed_project("test/vmtest.toml", 'command = ["./hello"]', f'command = ["sh", "-c", "{script}"]')
    verdict = only_verdict(run_vmtest(project, "--kernel", kernel))
    assert str(verdict["reason"]).endswith("(exit status 3): 1"), verdict


def test_events_of_other_processes_do_not_push_out_that_of_the_trigger(changed_project: Change) -> None:
    others = "echo hello; (for word in $(seq 1000); do echo $word; done); true"
    project = changed_project("test/vmtest.toml", '["echo", "hello"]', f'["sh", "-c", "{others}"]')
    verdict = only_verdict(run_vmtest(project, "--kernel", "6.1"))
    assert verdict["verdict"] == "pass", verdict


@dataclass(frozen=True)
class Failure:
    """One change of a correct project, and the verdict and reason that it must have."""

    name: str
    file: str
    old: str
    new: str
    verdict: str
    reason: str  # a part of it


def sysrq(letter: str) -> str:
    return f'fputs("{letter}", fopen("/proc/sysrq-trigger", "w"));\n\t\tfflush(NULL);\n\t\t{WAIT}'


FILTER = "if (pid_filter && pid != pid_filter)"
PIN = f'bpf_link__pin(skel->links.handle_tp, "/sys/fs/bpf/left");\n\t\t{WAIT}'
FOREVER = "for (;;)\n\t\t\tsigwait(&stop, &signal);"
FAILURES = [
    Failure("wrong message", PROGRAM, "BPF triggered", "BPF noticed", "fail", "no event of PID"),
    Failure(
        "filter ignored", PROGRAM, FILTER, "if (pid_filter && pid < 0)", "fail", "an event of another process was seen"
    ),
    Failure(
        "verifier refuses",
        PROGRAM,
        FILTER,
        "if (*(volatile int *)(long)pid)",
        "fail",
        "the kernel rejected the BPF program",
    ),
    Failure("early end", LOADER, "skel->rodata->pid_filter = pid;", "return 3;", "fail", "attached (exit status 3)"),
    Failure("ends by itself", LOADER, WAIT, "", "fail", "exited with status 0 before SIGINT"),
    Failure(
        "wrong status", LOADER, "status = EXIT_SUCCESS;", "status = 7;", "fail", "status 7 after SIGINT (expected 0)"
    ),
    Failure("nothing loaded", LOADER, LOAD, "if (load && attach)", "fail", "but no BPF program was loaded"),
    Failure("stays loaded", LOADER, WAIT, PIN, "fail", "BPF programs stayed loaded"),
    Failure("never attached", LOADER, 'puts("Attached', 'puts("Detached', "timeout", "the program to print 'Attached'"),
    Failure("never ends", LOADER, WAIT, FOREVER, "timeout", "the program to exit on SIGINT"),
    Failure("panic", LOADER, WAIT, sysrq("c"), "panic", "the guest's kernel panicked"),
    Failure("powers off", LOADER, WAIT, sysrq("o"), "fail", "the guest ended while the run was waiting"),
]


@pytest.mark.parametrize("failure", FAILURES, ids=lambda failure: failure.name)
def test_each_failure_has_its_verdict(failure: Failure, changed_project: Change) -> None:
    project = changed_project(failure.file, failure.old, failure.new)
    manifest = project / "test/vmtest.toml"
    manifest.write_text(manifest.read_text().replace("seconds = 30", "seconds = 8"))
    run = run_vmtest(project, "--kernel", "6.1")
    verdict = only_verdict(run)
    assert (verdict["verdict"], run.status) == (failure.verdict, 1), run
    assert failure.reason in str(verdict["reason"])


def test_a_failed_build(libbpf_project: Path, tmp_path: Path) -> None:
    copy = tmp_path / "hello"
    shutil.copytree(libbpf_project, copy)
    (copy / LOADER).write_text("int main(void) { return no_such_thing; }\n")
    command = [sys.executable, "-m", "scaffold", "test", str(copy), "--kernel", "6.1"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "FAIL" in done.stdout and "no_such_thing" in done.stdout


def test_an_unknown_kernel(libbpf_project: Path) -> None:
    run = run_vmtest(libbpf_project, "--kernel", "1.2")
    assert (only_verdict(run)["verdict"], run.status) == ("error", 69)
    assert "kernel 1.2 not found: the apt archive of this machine has 5.10" in str(only_verdict(run)["reason"])


@pytest.mark.parametrize("spec", ["no/such/file", "six", __file__])
def test_an_invalid_kernel(libbpf_project: Path, spec: str) -> None:
    run = run_vmtest(libbpf_project, "--kernel", spec)
    assert (only_verdict(run)["verdict"], run.status) == ("error", 69)


def test_without_qemu(libbpf_project: Path, tmp_path: Path) -> None:
    for directory in os.environ["PATH"].split(os.pathsep):
        for program in Path(directory).glob("*"):
            link = tmp_path / program.name
            if not program.name.startswith("qemu") and not link.is_symlink():
                link.symlink_to(program)
    run = run_vmtest(libbpf_project, "--kernel", "6.1", environment={"PATH": str(tmp_path)})
    assert (only_verdict(run)["verdict"], run.status) == ("error", 69)
    assert "qemu-system-x86_64 is not installed" in str(only_verdict(run)["reason"])


def test_usage_errors(tmp_path: Path, libbpf_project: Path) -> None:
    assert run_vmtest(tmp_path).status == 2
    copy = tmp_path / "hello"
    shutil.copytree(libbpf_project, copy)
    shutil.rmtree(copy / "build")
    unbuilt = run_vmtest(copy, "--kernel", "6.1")
    assert unbuilt.status == 2
    assert "error: " in unbuilt.stderr and "hint: build the project first (`make`)" in unbuilt.stderr


def never_boots() -> bytes:
    """Return a vmlinux with a PVH entry whose only instruction is a jump to itself."""
    note = struct.pack("<IIII", 4, 4, 18, 0x100200) + b"Xen\0"
    note = struct.pack("<III", 4, 4, 18) + b"Xen\0" + struct.pack("<I", 0x100200)
    text = b"Linux version 0.0-never (nobody) "
    load = struct.pack("<IIQQQQQQ", 1, 7, 0, 0x100000, 0x100000, 0x300, 0x300, 0x1000)
    notes = struct.pack("<IIQQQQQQ", 4, 4, 0x180, 0x100180, 0x100180, len(note), len(note), 4)
    head = b"\x7fELF\2\1\1" + bytes(9)
    head += struct.pack("<HHIQQQIHHHHHH", 2, 62, 1, 0x100200, 64, 0, 0, 64, 56, 2, 0, 0, 0)
    image = bytearray(0x300)
    image[: len(head + load + notes)] = head + load + notes
    image[0x180 : 0x180 + len(note)] = note
    image[0x200:0x202] = b"\xeb\xfe"
    image[0x240 : 0x240 + len(text)] = text
    return bytes(image)


def test_a_guest_that_never_boots(libbpf_project: Path, tmp_path: Path) -> None:
    (tmp_path / "vmlinux").write_bytes(never_boots())
    copy = tmp_path / "hello"
    shutil.copytree(libbpf_project, copy)
    manifest = copy / "test/vmtest.toml"
    manifest.write_text(manifest.read_text().replace("[limits]", "[limits]\nboot_seconds = 2"))
    run = run_vmtest(copy, "--kernel", str(tmp_path / "vmlinux"))
    verdict = only_verdict(run)
    assert (verdict["verdict"], run.status) == ("error", 69)
    assert "did not boot in time" in str(verdict["reason"])


def test_a_kernel_without_virtio_drives(libbpf_project: Path, tmp_path: Path) -> None:
    fetched = run_vmtest(libbpf_project, "--kernel", "6.1").verdicts[0]["release"]
    image = find_kernel("6.1", host_architecture()).image.with_name("vmlinuz")
    # Debian's kernel has virtio as modules, which are not next to a copy of the image.
    shutil.copy(image, tmp_path / "bzImage")
    for _ in range(2):
        run = run_vmtest(libbpf_project, "--kernel", str(tmp_path / "bzImage"))
        verdict = only_verdict(run)
        assert (verdict["verdict"], verdict["warm"], verdict["release"]) == ("pass", False, fetched)
