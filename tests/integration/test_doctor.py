# SPDX-License-Identifier: BSD-2-Clause
"""`make doctor` and `ebpf-new doctor` with this machine's own tools and kernel; test_doctor_guests.py has others."""

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

from scaffold.doctor.cli import read_repository
from scaffold.doctor.distribution import find_distribution
from scaffold.doctor.finding import MISSING, OK, WARNING, Finding
from scaffold.doctor.host import Host
from scaffold.doctor.needs import Need
from scaffold.doctor.tools import check_need
from scaffold.vmtest.architecture import host_architecture
from tests.conftest import Command, git
from tests.integration.processes import processes_of
from tests.integration.repositories import make, render
from tests.render.trees import CATALOG

NEEDS = {need.name: need for each in CATALOG.values() for need in (*each.needs, *each.runner_needs)}
AS_ROOT = [] if os.geteuid() == 0 else ["sudo", "--non-interactive", "--preserve-env"]


def looked_for(need: Need, path: str = os.environ["PATH"]) -> Finding:
    """What the doctor finds of a need on this PATH."""
    host = Host(Path(os.devnull), Path(os.devnull), path=path)
    return check_need(need, host, find_distribution(host))


@pytest.mark.parametrize("need", NEEDS.values(), ids=lambda each: each.name)
def test_what_is_here_is_found_to_work(need: Need) -> None:
    found = looked_for(need)
    assert (found.status, found.mend) == (OK, ""), found


@pytest.mark.parametrize("need", NEEDS.values(), ids=lambda each: each.name)
def test_what_is_not_here_is_missing_and_the_command_gets_it(need: Need, tmp_path: Path) -> None:
    (tmp_path / "apt-get").symlink_to("/usr/bin/apt-get")
    found = looked_for(replace(need, places=()), str(tmp_path))
    package = find_distribution(Host(tmp_path, tmp_path)).package(need)
    assert found.status == (MISSING if need.target in ("", "build", "test") else WARNING)
    assert found.mend == need.installs or found.mend.rstrip("'").endswith(f"apt-get install {package}")
    assert (f"only `make {need.target}`" in found.found) == (found.status == WARNING)


def test_a_library_that_is_not_here_or_half() -> None:
    unknown = looked_for(replace(NEEDS["libbpf"], name="libnone"))
    without_header = looked_for(replace(NEEDS["libbpf"], header="bpf/none.h"))
    assert (unknown.status, without_header.status) == (MISSING, MISSING)
    assert "pkg-config does not know it" in unknown.found
    assert "bpf/none.h is not in /usr" in without_header.found


def test_a_command_that_is_too_old_is_not_mended_by_its_package() -> None:
    found = looked_for(replace(NEEDS["go"], least="99.1", fetches_newer=""))
    assert (found.status, found.package) == (MISSING, "")
    assert "is older than 99.1" in found.found and "https://go.dev/dl" in found.mend


def test_go_that_fetches_a_newer_one_will_do() -> None:
    found = looked_for(replace(NEEDS["go"], least="99.1"))
    assert found.status == OK and "gets 99.1 by itself" in found.found


def test_the_least_versions_are_those_of_the_templates(tmp_path: Path) -> None:
    go, cargo = render("cilium", tmp_path, name="x"), render("libbpf-rs", tmp_path, name="y")
    assert f"\ngo {NEEDS['go'].least}\n" in (go / "go.mod").read_text()
    assert f'\nrust-version = "{NEEDS["cargo"].least}"\n' in (cargo / "Cargo.toml").read_text()


def test_a_clang_that_cannot_compile_for_bpf_is_no_clang() -> None:
    arguments = ["sparc" if each == "bpf" else each for each in NEEDS["clang"].tries]
    found = looked_for(replace(NEEDS["clang"], tries=(*arguments, "-mcpu=none")))
    assert found.status == MISSING and "it does not do its work" in found.found


def test_a_bpftool_that_refuses_is_passed_over(tmp_path: Path) -> None:
    """Ubuntu's wrapper does, where the tools of the running kernel are not installed."""
    (tmp_path / "bpftool").write_text("#!/bin/sh\necho 'WARNING: bpftool not found for kernel 6.8' >&2\nexit 2\n")
    (tmp_path / "bpftool").chmod(0o755)
    path = f"{tmp_path}:{os.environ['PATH']}"
    alone = looked_for(replace(NEEDS["bpftool"], places=()), path)
    assert alone.status == MISSING and "WARNING: bpftool not found for kernel 6.8" in alone.found
    found = looked_for(NEEDS["bpftool"], path)
    assert found.status == OK and found.found.endswith("bpftool)")


def test_the_command_that_make_is_told_to_call_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLANG", "clang-99")
    assert looked_for(NEEDS["clang"]).status == MISSING
    monkeypatch.setenv("CLANG", "/usr/bin/clang")
    assert looked_for(NEEDS["clang"]).status == OK


@pytest.mark.parametrize("framework", CATALOG)
def test_a_repository_looks_for_what_its_framework_needs(framework: str, tmp_path: Path) -> None:
    wanted = read_repository(render(framework, tmp_path))
    assert sorted(wanted.needs, key=str) == sorted(CATALOG[framework].needs, key=str)
    assert sorted(wanted.runner_needs, key=str) == sorted(CATALOG[framework].runner_needs, key=str)
    assert wanted.tracepoints == ["syscalls/sys_enter_write"]


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository in a directory of a name that needs quotes. Tests must not change it."""
    return render("libbpf", tmp_path_factory.mktemp("my projects: 'x' $HOME"))


def diagnosis(repository: Path, prefix: Sequence[str] = (), **variables: str) -> dict[str, Any]:
    """What the repository's doctor says in JSON, run behind `prefix`; its findings by name."""
    command = [*prefix, sys.executable, "-B", "-m", "doctor", "--json"]
    environment = {**os.environ, "PYTHONPATH": "tools", **variables}
    done = subprocess.run(command, cwd=repository, env=environment, text=True, capture_output=True, check=False)
    told = json.loads(done.stdout)
    assert done.stderr == ""
    assert done.returncode == int(any(each["status"] == MISSING for each in told["findings"]))
    return {**told, "findings": {each["check"]: Finding(**each) for each in told["findings"]}}


def test_it_takes_no_network_and_changes_nothing(repository: Path, tmp_path: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in repository.rglob("*")}
    home = {"HOME": str(tmp_path), "XDG_CACHE_HOME": "", "GOPATH": ""}
    offline = ["unshare", "--net", *(["--map-root-user"] if os.geteuid() else [])]
    told = diagnosis(repository, offline, **home)
    assert told["ready"]["build"] and told["ready"]["test"], told
    assert told["findings"]["disk"].found.endswith(" GB free for ~/.cache/ebpf-new")
    assert list(tmp_path.iterdir()) == []
    assert {path: path.stat().st_mtime_ns for path in repository.rglob("*")} == before


MOUNTED = "mount -t tracefs tracefs /sys/kernel/tracing; "
HIDDEN = "mount -t tmpfs none /sys/kernel/debug; mount -t tmpfs none /sys/kernel/tracing; "
UNTYPED = "mount -t tmpfs none /sys/kernel/btf; "
DEVICES = "mount -t tmpfs none /dev; mknod -m 666 /dev/null c 1 3; mknod -m 666 /dev/urandom c 1 9; "
NEEDED_QEMU = host_architecture().qemu
# What is done to a mount namespace, and what is then found.
NAMESPACES: dict[str, tuple[str, dict[str, tuple[str, str]]]] = {
    "as it should be": (
        HIDDEN + MOUNTED,
        {
            "BTF": (OK, "/sys/kernel/btf/vmlinux"),
            "tracefs": (OK, "syscalls/sys_enter_write"),
            "tracing_on": (OK, "1"),
            "kernel": (OK, os.uname().release),
            "bpf()": (OK, "was loaded"),
        },
    ),
    "nothing mounted": (
        HIDDEN + UNTYPED,
        {
            "BTF": (MISSING, "no /sys/kernel/btf/vmlinux"),
            "tracefs": (MISSING, "not mounted"),
            "tracing_on": (WARNING, "not to be seen"),
            "bpf()": (OK, "was loaded"),
        },
    ),
    "old kernel": ("exec setarch --uname-2.6 ", {"kernel": (MISSING, "2.6."), "BTF": (OK, "vmlinux")}),
    "no capabilities": (
        "exec setpriv --bounding-set=-all --inh-caps=-all ",
        {"bpf()": (MISSING, "the container has taken CAP_SYS_ADMIN")},
    ),
    "user namespace": ("exec unshare --user --map-root-user ", {"bpf()": (MISSING, "root of a user namespace")}),
    "no room": ("mount -t tmpfs -o size=1m none $XDG_CACHE_HOME; ", {"disk": (MISSING, "0.0 GB free")}),
    "no KVM": (DEVICES, {"KVM": (WARNING, "no /dev/kvm"), NEEDED_QEMU: (OK, "a guest ran")}),
    "a KVM that does not work": (
        DEVICES + "mknod -m 666 /dev/kvm c 1 3; ",
        {"KVM": (WARNING, "a guest does not run under it"), NEEDED_QEMU: (OK, "a guest ran")},
    ),
}


@pytest.mark.parametrize("name", NAMESPACES)
def test_what_a_namespace_lacks_is_found(name: str, repository: Path, tmp_path: Path) -> None:
    setup, expected = NAMESPACES[name]
    prefix = [*AS_ROOT, "unshare", "--mount", "sh", "-ec", setup + ("" if "exec" in setup else "exec ") + '"$@"', "sh"]
    told = diagnosis(repository, prefix, XDG_CACHE_HOME=str(tmp_path))
    for check, (status, words) in expected.items():
        found = told["findings"][check]
        assert (found.status, bool(found.mend)) == (status, status != OK), found
        assert words in found.found, found
    assert told["ready"]["test"] == (name != "no room"), told


def test_make_doctor_prints_it_for_people(repository: Path) -> None:
    done = make(repository, "doctor", "CLANG=clang-99")
    assert done.returncode == 2  # make's own status for a recipe that fails
    assert "\x1b" not in done.stdout and "Traceback" not in done.stdout
    assert "  missing  clang  " in done.stdout
    assert "All packages at once: make deps" in done.stdout


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_ends_when_it_is_told_to_with_what_it_has_started(
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


def test_a_reader_that_has_enough_is_no_fault(repository: Path) -> None:
    script = "make --no-print-directory doctor | head -n 1"
    done = subprocess.run(["sh", "-c", script], cwd=repository, text=True, capture_output=True, check=False)
    assert done.stdout == "Build\n" and "Traceback" not in done.stderr and "BrokenPipe" not in done.stderr


def test_a_directory_that_is_no_repository_is_wrong_usage(repository: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-B", "-m", "doctor", str(tmp_path)]
    environment = os.environ | {"PYTHONPATH": "tools"}
    for broken in (None, "[clang\n", "[clang]\n", "[go]\npackage = 'x'\nleast_in = { file = 'go.mod', line = 'x' }\n"):
        if broken:
            (tmp_path / "tools").mkdir(exist_ok=True)
            (tmp_path / "tools/needs.toml").write_text(broken)
        done = subprocess.run(command, cwd=repository, env=environment, text=True, capture_output=True, check=False)
        assert done.returncode == 2
        assert "is no repository made by ebpf-new" in done.stderr and "Traceback" not in done.stderr


def test_the_generator_looks_for_all_frameworks_or_those_named(ebpf_new: Command) -> None:
    told = json.loads(ebpf_new("doctor", "--json").stdout)
    assert list(told["frameworks"]) == list(CATALOG)
    checks = [each["check"] for each in told["findings"]]
    assert {need.name for each in CATALOG.values() for need in each.needs} <= set(checks)
    assert len(checks) == len(set(checks))
    one = ebpf_new("doctor", "--framework", "libbpf")
    assert "Build libbpf" in one.stdout and "cargo" not in one.stdout
    bad = ebpf_new("doctor", "-f", "nonsense", "-f", "libbpf", "-f", "bcc")
    assert bad.returncode == 2
    assert "--framework nonsense, bcc: there are libbpf, " in bad.stderr


def test_git_sees_nothing_of_it(tmp_path: Path, ebpf_new: Command) -> None:
    assert ebpf_new("hello", "--framework", "libbpf").returncode == 0
    make(tmp_path / "hello", "doctor")
    assert git(tmp_path / "hello", "status", "--porcelain", "--ignored") == ""
