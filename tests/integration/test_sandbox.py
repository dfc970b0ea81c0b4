# SPDX-License-Identifier: BSD-2-Clause
"""What a build can see, and reach, and take in a sandbox; as root and as somebody else."""

import ctypes
import multiprocessing
import os
import re
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import pytest

from scaffold.errors import SandboxError
from scaffold.testing.sandbox import seccomp
from scaffold.testing.sandbox.availability import bare_sandbox
from scaffold.testing.sandbox.bubblewrap import PR_SET_CHILD_SUBREAPER
from scaffold.testing.sandbox.group import new_group, remove_stale_groups
from tests.integration.sandboxes import SMALL, Tried, small_box, tried

NOBODY = 54321
Attempt = Callable[[str], Tried]
Result = TypeVar("Result")


def as_nobody(work: Callable[[], Result]) -> Result:
    """Do `work` as a user without rights. Such a user may be kept from this very Python, so a fork becomes one."""
    if os.geteuid() != 0:
        return work()
    context = multiprocessing.get_context("fork")
    here, there = context.Pipe()

    def become() -> None:
        os.setgroups([])
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)
        there.send(work())

    process = context.Process(target=become)
    process.start()
    there.close()
    try:
        result: Result = here.recv()
    finally:
        process.join()
    return result


@pytest.fixture(params=["root", "somebody"])
def attempt(request: pytest.FixtureRequest, source: Path) -> Attempt:
    """Run a script in a sandbox that root has made, or an ordinary user has."""
    if request.param == "somebody":
        bare = replace(small_box(), places=None)
        return lambda script: as_nobody(lambda: tried(bare, script, source))
    return lambda script: tried(small_box(), script, source)


@pytest.fixture
def source() -> Iterator[Path]:
    """Return a repository that everybody may read."""
    with tempfile.TemporaryDirectory() as place:
        Path(place).chmod(0o755)
        repository = Path(place, "repository")
        repository.mkdir()
        (repository / "a").write_text("from the repository")
        (repository / "secret").symlink_to("/etc/shadow")
        os.mkfifo(repository / "pipe")
        yield repository


def test_a_build_works_on_a_copy(attempt: Attempt, source: Path) -> None:
    found = attempt("set -e; cp a out; echo changed >a; rm secret pipe; test -w $HOME -a -w /tmp")
    assert (found.built.status, found.out) == (0, b"from the repository"), found.said
    assert (source / "a").read_text() == "from the repository"
    assert (source / "secret").is_symlink()


def test_nothing_of_the_machine_is_to_be_seen(
    attempt: Attempt, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "neighbour").write_text("solution")
    monkeypatch.setenv("EBPF_NEW_TOKEN", "a-token-of-the-teacher")
    places = f"{tmp_path}/neighbour /etc/shadow /etc/passwd {Path.home()}/.bashrc /root /home /var /run /sys/class"
    found = attempt(
        f"for place in {places}; do [ ! -e $place ] || echo there: $place; done; cat /proc/*/environ 2>/dev/null"
        " | tr '\\0' '\\n' | grep teacher; ls /proc | grep -c '^[0-9]'; touch out"
    )
    assert "there:" not in found.said
    assert "teacher" not in found.said
    assert int(found.said.split()[-1]) < 9


def test_what_builds_need_is_there(attempt: Attempt) -> None:
    found = attempt(
        "set -e; cc --version; clang --version; bpftool version; head -c 9 /sys/kernel/btf/vmlinux >out; cp a /dev/shm"
    )
    assert found.built.status == 0, found.said


def test_nothing_can_be_written_elsewhere(attempt: Attempt) -> None:
    found = attempt(
        "for place in / /usr /usr/bin /dev /source /etc; do touch $place/mine && echo $place; done; touch out"
    )
    assert found.built.status == 0
    assert not [line for line in found.said.splitlines() if line.startswith("/")]


def test_no_rights_are_left(attempt: Attempt) -> None:
    found = attempt("grep -E '^(Cap|NoNewPrivs|Uid)' /proc/self/status; unshare --user true; touch out")
    rights = dict(re.findall(r"^(\w+):\s+(\S+)", found.said, re.MULTILINE))
    assert {rights[name] for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")} == {"0" * 16}
    assert (rights["NoNewPrivs"], rights["Uid"] != "0") == ("1", True)
    assert "Operation not permitted" in found.said


def test_no_socket_leads_out(attempt: Attempt) -> None:
    name = f"\0ebpf-new-{os.getpid()}"
    with socket.socket() as tcp, socket.socket(socket.AF_UNIX) as abstract:
        tcp.bind(("127.0.0.1", 0))
        abstract.bind(name)
        for each in (tcp, abstract):
            each.listen()
            each.settimeout(0.1)
        found = attempt(f"""/usr/bin/python3 - <<'END'
import socket
for family, address in ((socket.AF_INET, {tcp.getsockname()!r}), (socket.AF_UNIX, {name!r}), (socket.AF_VSOCK, (2, 1))):
    try:
        socket.socket(family).connect(address)
        print("connected", family)
    except OSError as error:
        print(error.strerror)
END
touch out""")
        assert found.said.splitlines() == [
            "Connection refused", "Connection refused", "Address family not supported by protocol",
        ]  # fmt: skip
        for each in (tcp, abstract):
            with pytest.raises(TimeoutError):
                each.accept()


def test_processes_are_bounded_and_none_is_left(attempt: Attempt) -> None:
    mark = f"ebpf-new-mark-{os.getpid()}"
    found = attempt(f"""touch out; exec /usr/bin/python3 - {mark} <<'END'
import os, time
count = 0
try:
    while os.fork():
        count += 1
    time.sleep(60)
except OSError:
    print(count, flush=True)
END""")
    assert 8 < int(found.said) < SMALL.processes
    assert not running(mark)


def running(mark: str) -> list[Path]:
    return [path for path in Path("/proc").glob("[0-9]*/cmdline") if mark.encode() in _bytes(path)]


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:  # it has ended
        return b""


def test_files_are_bounded(attempt: Attempt) -> None:
    found = attempt("truncate -s 100G sparse; for i in {1..100}; do head -c 8M /dev/zero >f$i || exit; done; touch out")
    assert found.built.status not in (0, None)
    assert "File size limit exceeded" in found.said or "File too large" in found.said
    assert "No space left on device" in found.said


def test_what_leads_out_is_not_handed_out(attempt: Attempt) -> None:
    for script in ("ln -s /etc/shadow out", "cp --no-dereference secret out", f"ln -s {Path.home()}/.bashrc out"):
        found = attempt(script)
        assert "leads out of the sandbox" in found.said, script
        assert found.out is None


def test_memory_is_bounded(source: Path) -> None:
    found = tried(small_box(), "head -c 2G /dev/zero | tail; touch out", source)
    assert found.built.limit == f"it took more than {SMALL.memory} MiB of memory"


def test_time_is_bounded_for_certain(source: Path) -> None:
    mark = f"ebpf-new-deaf-{os.getpid()}"
    script = f"trap '' HUP INT TERM; (setsid bash -c 'exec -a {mark} sleep 99' &); exec -a {mark} sleep 99"
    assert tried(small_box(), script, source, seconds=1.5).built.status is None
    assert not running(mark)


def test_no_zombie_is_left(source: Path) -> None:
    libc = ctypes.CDLL(None)
    libc.prctl(PR_SET_CHILD_SUBREAPER, 1)  # what has no parent any more becomes this process's child
    try:
        for script in ("sleep 60", "sleep 60 & touch out"):
            tried(small_box(), script, source, seconds=1)
        with pytest.raises(ChildProcessError):
            os.waitpid(-1, os.WNOHANG)
    finally:
        libc.prctl(PR_SET_CHILD_SUBREAPER, 0)


def test_a_control_group_ends_with_all_that_is_in_it() -> None:
    places = small_box().places
    mark = f"ebpf-new-daemon-{os.getpid()}"
    assert places is not None
    with new_group(places, 64 << 20) as group:
        command = ["bash", "-c", f"cat /proc/self/cgroup; (setsid bash -c 'exec -a {mark} sleep 60' >/dev/null &)"]
        said = subprocess.run(group.command(command), check=True, stdout=subprocess.PIPE, text=True).stdout
        assert f"/{group.directories[0].name}\n" in said
        deadline = time.monotonic() + 20
        while not running(mark):
            assert time.monotonic() < deadline
            time.sleep(0.02)
    assert not [directory for directory in group.directories if directory.exists()]
    assert not running(mark)


def test_what_a_killed_run_has_left_is_cleared_away() -> None:
    places = small_box().places
    assert places is not None
    with subprocess.Popen(["true"]) as gone:
        pass
    left = [places.memory / f"ebpf-new-{pid}-test{os.getpid()}" for pid in (gone.pid, os.getpid())]
    for directory in left:
        directory.mkdir()
    try:
        remove_stale_groups(places)
        assert [directory.exists() for directory in left] == [True, True]
        for directory in left:
            os.utime(directory, (0, 0))
        remove_stale_groups(places)
        assert [directory.exists() for directory in left] == [False, True]
    finally:
        for directory in left:
            if directory.exists():
                directory.rmdir()


@pytest.mark.parametrize("machine", seccomp.MACHINES)
def test_the_numbers_of_system_calls_are_the_kernels(machine: str) -> None:
    places = {"x86_64": "x86_64-linux-gnu/asm/unistd_64.h", "aarch64": "asm-generic/unistd.h"}
    said = Path("/usr/include", places[machine]).read_text()
    numbers = {name: int(number) for name, number in re.findall(r"#define __NR_(\w+)\s+(\d+)", said)}
    wanted = {**seccomp.MACHINES[machine][1], **seccomp.MISSING}
    assert {name: numbers[name] for name in wanted} == wanted


def test_who_can_make_no_control_group_is_told(source: Path) -> None:
    def refusal() -> str:
        with pytest.raises(SandboxError) as refused:
            bare_sandbox(SMALL, allow_unlimited_memory=False)
        assert tried(bare_sandbox(SMALL, allow_unlimited_memory=True), "touch out", source).out == b""
        return str(refused.value)

    said = as_nobody(refusal)
    assert "nothing would bound the memory" in said and "--allow-unlimited-memory" in said


def test_a_machine_without_bubblewrap_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SandboxError, match="bwrap is missing: type apt-get install bubblewrap") as refused:
        small_box()
    assert refused.value.exit_code == 69
