# SPDX-License-Identifier: BSD-2-Clause
"""`make doctor` and `ebpf-new doctor` with the tools and the kernel of this machine.

test_doctor_guests.py tests other kernels.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from scaffold.doctor.cli import read_requirements
from scaffold.doctor.distribution import find_distribution
from scaffold.doctor.finding import Finding, Status
from scaffold.doctor.host import Host
from scaffold.doctor.needs import Need
from scaffold.doctor.tools import check_need
from scaffold.vmtest.architecture import host_architecture
from tests.conftest import Command, git
from tests.findings import finding_from_json
from tests.integration.processes import processes_of
from tests.integration.repositories import make, render
from tests.render.trees import CATALOG

NEEDS = {need.name: need for framework in CATALOG.values() for need in (*framework.needs, *framework.runner_needs)}
AS_ROOT = [] if os.geteuid() == 0 else ["sudo", "--non-interactive", "--preserve-env"]


def finding_of(need: Need, search_path: str = os.environ["PATH"]) -> Finding:
    """Check a need with this value of PATH."""
    host = Host(Path(os.devnull), Path(os.devnull), search_path=search_path)
    return check_need(need, host, find_distribution(host))


@pytest.mark.parametrize("need", NEEDS.values(), ids=lambda value: value.name)
def test_installed_need_is_ok(need: Need) -> None:
    finding = finding_of(need)
    assert (finding.status, finding.fix) == (Status.OK, ""), finding


@pytest.mark.parametrize("need", NEEDS.values(), ids=lambda value: value.name)
def test_finding_of_a_missing_need_has_the_install_command(need: Need, tmp_path: Path) -> None:
    (tmp_path / "apt-get").symlink_to("/usr/bin/apt-get")
    finding = finding_of(replace(need, search_patterns=()), str(tmp_path))
    package = find_distribution(Host(tmp_path, tmp_path)).package(need)
    assert finding.status == (Status.MISSING if need.target in ("", "build", "test") else Status.WARNING)
    assert finding.fix == need.install_command or finding.fix.rstrip("'").endswith(f"apt-get install {package}")
    assert (f"only `make {need.target}`" in finding.found) == (finding.status == Status.WARNING)


def test_library_without_pkg_config_file_or_header_is_missing() -> None:
    unknown = finding_of(replace(NEEDS["libbpf"], name="libnone"))
    without_header = finding_of(replace(NEEDS["libbpf"], header="bpf/none.h"))
    assert (unknown.status, without_header.status) == (Status.MISSING, Status.MISSING)
    assert "pkg-config does not know it" in unknown.found
    assert "bpf/none.h is not in /usr" in without_header.found


def test_fix_of_a_command_that_is_too_old_is_its_download_page() -> None:
    finding = finding_of(replace(NEEDS["go"], min_version="99.1", self_update_version=""))
    assert (finding.status, finding.package) == (Status.MISSING, "")
    assert "is older than 99.1" in finding.found and "https://go.dev/dl" in finding.fix


def test_go_that_can_download_a_newer_version_is_ok() -> None:
    finding = finding_of(replace(NEEDS["go"], min_version="99.1"))
    assert finding.status == Status.OK and "downloads 99.1" in finding.found


def test_minimum_versions_are_those_of_the_templates(tmp_path: Path) -> None:
    go, cargo = render("cilium", tmp_path, name="x"), render("libbpf-rs", tmp_path, name="y")
    assert f"\ngo {NEEDS['go'].min_version}\n" in (go / "go.mod").read_text()
    assert f'\nrust-version = "{NEEDS["cargo"].min_version}"\n' in (cargo / "Cargo.toml").read_text()


def test_clang_that_cannot_compile_for_bpf_is_missing() -> None:
    arguments = ["sparc" if argument == "bpf" else argument for argument in NEEDS["clang"].test_arguments]
    finding = finding_of(replace(NEEDS["clang"], test_arguments=(*arguments, "-mcpu=none")))
    assert finding.status == Status.MISSING and "test call failed" in finding.found


def test_bpftool_that_does_not_work_is_skipped(tmp_path: Path) -> None:
    """The wrapper of Ubuntu fails if the tools of the running kernel are not installed."""
    (tmp_path / "bpftool").write_text("#!/bin/sh\necho 'WARNING: bpftool not found for kernel 6.8' >&2\nexit 2\n")
    (tmp_path / "bpftool").chmod(0o755)
    search_path = f"{tmp_path}:{os.environ['PATH']}"
    alone = finding_of(replace(NEEDS["bpftool"], search_patterns=()), search_path)
    assert alone.status == Status.MISSING and "WARNING: bpftool not found for kernel 6.8" in alone.found
    finding = finding_of(NEEDS["bpftool"], search_path)
    assert finding.status == Status.OK and finding.found.endswith("bpftool)")


def test_make_variable_chooses_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLANG", "clang-99")
    assert finding_of(NEEDS["clang"]).status == Status.MISSING
    monkeypatch.setenv("CLANG", "/usr/bin/clang")
    assert finding_of(NEEDS["clang"]).status == Status.OK


@pytest.mark.parametrize("framework", CATALOG)
def test_requirements_of_a_repository_are_those_of_its_framework(framework: str, tmp_path: Path) -> None:
    requirements = read_requirements(render(framework, tmp_path))
    assert sorted(requirements.needs, key=str) == sorted(CATALOG[framework].needs, key=str)
    assert sorted(requirements.runner_needs, key=str) == sorted(CATALOG[framework].runner_needs, key=str)
    assert requirements.tracepoints == ["syscalls/sys_enter_write"]


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository in a directory whose name needs quotes. Tests must not change it."""
    return render("libbpf", tmp_path_factory.mktemp("my projects: 'x' $HOME"))


def diagnosis(repository: Path, prefix: Sequence[str] = (), **variables: str) -> dict[str, Any]:
    """Run the repository's doctor with `prefix` before its command. Return its JSON, with the findings by check."""
    command = [*prefix, sys.executable, "-B", "-m", "doctor", "--json"]
    environment = {**os.environ, "PYTHONPATH": "tools", **variables}
    done = subprocess.run(command, cwd=repository, env=environment, text=True, capture_output=True, check=False)
    document = json.loads(done.stdout)
    assert done.stderr == ""
    assert done.returncode == int(any(entry["status"] == Status.MISSING for entry in document["findings"]))
    return {**document, "findings": {entry["check"]: finding_from_json(entry) for entry in document["findings"]}}


def test_doctor_needs_no_network_and_changes_nothing(repository: Path, tmp_path: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in repository.rglob("*")}
    home = {"HOME": str(tmp_path), "XDG_CACHE_HOME": "", "GOPATH": ""}
    offline = ["unshare", "--net", *(["--map-root-user"] if os.geteuid() else [])]
    document = diagnosis(repository, offline, **home)
    assert document["ready"]["build"] and document["ready"]["test"], document
    assert document["findings"]["disk"].found.endswith(" GB free for ~/.cache/ebpf-new")
    assert list(tmp_path.iterdir()) == []
    assert {path: path.stat().st_mtime_ns for path in repository.rglob("*")} == before


MOUNT_TRACEFS = "mount -t tracefs tracefs /sys/kernel/tracing; "
EMPTY_TRACEFS = "mount -t tmpfs none /sys/kernel/debug; mount -t tmpfs none /sys/kernel/tracing; "
WITHOUT_BTF = "mount -t tmpfs none /sys/kernel/btf; "
FEW_DEVICES = "mount -t tmpfs none /dev; mknod -m 666 /dev/null c 1 3; mknod -m 666 /dev/urandom c 1 9; "
QEMU = host_architecture().qemu
# By name: what a shell does in a mount namespace, and by check: the expected status and a part of what is found.
NAMESPACES: dict[str, tuple[str, dict[str, tuple[str, str]]]] = {
    "healthy": (
        EMPTY_TRACEFS + MOUNT_TRACEFS,
        {
            "BTF": (Status.OK, "/sys/kernel/btf/vmlinux"),
            "tracefs": (Status.OK, "syscalls/sys_enter_write"),
            "tracing_on": (Status.OK, "1"),
            "kernel": (Status.OK, os.uname().release),
            "bpf()": (Status.OK, "was loaded"),
        },
    ),
    "nothing mounted": (
        EMPTY_TRACEFS + WITHOUT_BTF,
        {
            "BTF": (Status.MISSING, "/sys/kernel/btf/vmlinux does not exist"),
            "tracefs": (Status.MISSING, "not mounted"),
            "tracing_on": (Status.WARNING, "tracefs is not mounted"),
            "bpf()": (Status.OK, "was loaded"),
        },
    ),
    "old kernel": ("exec setarch --uname-2.6 ", {"kernel": (Status.MISSING, "2.6."), "BTF": (Status.OK, "vmlinux")}),
    "no capabilities": (
        "exec setpriv --bounding-set=-all --inh-caps=-all ",
        {"bpf()": (Status.MISSING, "the container does not have CAP_SYS_ADMIN")},
    ),
    "user namespace": ("exec unshare --user --map-root-user ", {"bpf()": (Status.MISSING, "in a user namespace")}),
    "full disk": ("mount -t tmpfs -o size=1m none $XDG_CACHE_HOME; ", {"disk": (Status.MISSING, "0.0 GB free")}),
    "no KVM": (
        FEW_DEVICES,
        {"KVM": (Status.WARNING, "/dev/kvm does not exist"), QEMU: (Status.OK, "a test guest ran")},
    ),
    "broken KVM": (
        FEW_DEVICES + "mknod -m 666 /dev/kvm c 1 3; ",
        {"KVM": (Status.WARNING, "a test guest did not run with it"), QEMU: (Status.OK, "a test guest ran")},
    ),
}


@pytest.mark.parametrize("name", NAMESPACES)
def test_doctor_finds_what_a_namespace_lacks(name: str, repository: Path, tmp_path: Path) -> None:
    setup, expected = NAMESPACES[name]
    prefix = [*AS_ROOT, "unshare", "--mount", "sh", "-ec", setup + ("" if "exec" in setup else "exec ") + '"$@"', "sh"]
    document = diagnosis(repository, prefix, XDG_CACHE_HOME=str(tmp_path))
    for check, (status, text) in expected.items():
        finding = document["findings"][check]
        assert (finding.status, bool(finding.fix)) == (status, status != Status.OK), finding
        assert text in finding.found, finding
    assert document["ready"]["test"] == (name != "full disk"), document


def test_make_doctor_prints_lines(repository: Path) -> None:
    done = make(repository, "doctor", "CLANG=clang-99")
    assert done.returncode == 2  # the exit status of make if a recipe fails
    assert "\x1b" not in done.stdout and "Traceback" not in done.stdout
    assert "  missing  clang  " in done.stdout
    assert "All packages at once: make deps" in done.stdout


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signal_ends_the_doctor_and_all_processes_that_it_started(
    number: signal.Signals, repository: Path, tmp_path: Path
) -> None:
    (tmp_path / "clang").write_text(f"#!/bin/sh\ntouch {tmp_path}/started\nsleep 60\n")
    (tmp_path / "clang").chmod(0o755)
    environment = {**os.environ, "PYTHONPATH": "tools", "CLANG": str(tmp_path / "clang")}
    with subprocess.Popen(
        [sys.executable, "-B", "-m", "doctor"], cwd=repository, env=environment, stderr=subprocess.PIPE, text=True
    ) as process:
        while not (tmp_path / "started").exists():
            time.sleep(0.01)
        process.send_signal(number)
        assert process.communicate()[1] == ""
    assert process.returncode == 128 + number
    deadline = time.monotonic() + 5
    while processes_of(str(tmp_path)) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert processes_of(str(tmp_path)) == []


def test_closed_pipe_is_not_an_error(repository: Path) -> None:
    script = "make --no-print-directory doctor | head -n 1"
    done = subprocess.run(["sh", "-c", script], cwd=repository, text=True, capture_output=True, check=False)
    assert done.stdout == "Build\n" and "Traceback" not in done.stderr and "BrokenPipe" not in done.stderr


def test_ebpf_new_doctor_checks_for_all_or_the_chosen_frameworks(ebpf_new: Command) -> None:
    document = json.loads(ebpf_new("doctor", "--json").stdout)
    assert list(document["frameworks"]) == list(CATALOG)
    checks = [entry["check"] for entry in document["findings"]]
    assert {need.name for framework in CATALOG.values() for need in framework.needs} <= set(checks)
    assert len(checks) == len(set(checks))
    one = ebpf_new("doctor", "--framework", "libbpf")
    assert "Build libbpf" in one.stdout and "cargo" not in one.stdout
    bad = ebpf_new("doctor", "-f", "nonsense", "-f", "libbpf", "-f", "bcc")
    assert bad.returncode == 2
    assert "--framework" in bad.stderr and "nonsense, bcc" in bad.stderr
    assert f"choose one of {', '.join(CATALOG)}" in bad.stderr


def test_make_doctor_leaves_no_file_that_git_sees(tmp_path: Path, ebpf_new: Command) -> None:
    assert ebpf_new("hello", "--framework", "libbpf").returncode == 0
    make(tmp_path / "hello", "doctor")
    assert git(tmp_path / "hello", "status", "--porcelain", "--ignored") == ""
