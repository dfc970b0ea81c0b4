# SPDX-License-Identifier: BSD-2-Clause
"""What a build in a sandbox can see, reach and use; for root and for another user."""

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
from scaffold.testing.sandbox.availability import base_sandbox
from scaffold.testing.sandbox.bubblewrap import PR_SET_CHILD_SUBREAPER
from scaffold.testing.sandbox.group import new_cgroup, remove_stale_cgroups
from tests.integration.sandboxes import SMALL, SandboxRun, run_script, small_sandbox

NOBODY = 54321
Attempt = Callable[[str], SandboxRun]
Result = TypeVar("Result")


def as_nobody(work: Callable[[], Result]) -> Result:
    """Call `work` as an unprivileged user, in a fork, because that user may not be allowed to start this Python."""
    if os.geteuid() != 0:
        return work()
    context = multiprocessing.get_context("fork")
    own_end, child_end = context.Pipe()

    def call_work() -> None:
        os.setgroups([])
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)
        child_end.send(work())

    process = context.Process(target=call_work)
    process.start()
    child_end.close()
    try:
        result: Result = own_end.recv()
    finally:
        process.join()
    return result


@pytest.fixture(params=["root", "user"])
def attempt(request: pytest.FixtureRequest, source: Path) -> Attempt:
    """Return a function that runs a script in a sandbox of root, or of an ordinary user."""
    if request.param == "user":
        sandbox = replace(small_sandbox(), cgroups=None)
        return lambda script: as_nobody(lambda: run_script(sandbox, script, source))
    return lambda script: run_script(small_sandbox(), script, source)


@pytest.fixture
def source() -> Iterator[Path]:
    """Yield a repository that every user may read."""
    with tempfile.TemporaryDirectory() as directory:
        Path(directory).chmod(0o755)
        repository = Path(directory, "repository")
        repository.mkdir()
        (repository / "a").write_text("from the repository")
        (repository / "secret").symlink_to("/etc/shadow")
        os.mkfifo(repository / "pipe")
        yield repository


def test_a_build_changes_only_a_copy(attempt: Attempt, source: Path) -> None:
    run = attempt("set -e; cp a out; echo changed >a; rm secret pipe; test -w $HOME -a -w /tmp")
    assert (run.result.status, run.out) == (0, b"from the repository"), run.output
    assert (source / "a").read_text() == "from the repository"
    assert (source / "secret").is_symlink()


def test_files_and_variables_of_the_machine_are_invisible(
    attempt: Attempt, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "neighbour").write_text("solution")
    monkeypatch.setenv("EBPF_NEW_TOKEN", "a-token-of-the-teacher")
    paths = f"{tmp_path}/neighbour /etc/shadow /etc/passwd {Path.home()}/.bashrc /root /home /var /run /sys/class"
    run = attempt(
        f"for path in {paths}; do [ ! -e $path ] || echo visible: $path; done; cat /proc/*/environ 2>/dev/null"
        " | tr '\\0' '\\n' | grep teacher; ls /proc | grep -c '^[0-9]'; touch out"
    )
    assert "visible:" not in run.output
    assert "teacher" not in run.output
    assert int(run.output.split()[-1]) < 9


def test_the_tools_of_builds_are_available(attempt: Attempt) -> None:
    run = attempt(
        "set -e; cc --version; clang --version; bpftool version; head -c 9 /sys/kernel/btf/vmlinux >out; cp a /dev/shm"
    )
    assert run.result.status == 0, run.output


def test_only_the_copy_is_writable(attempt: Attempt) -> None:
    run = attempt("for path in / /usr /usr/bin /dev /source /etc; do touch $path/mine && echo $path; done; touch out")
    assert run.result.status == 0
    assert not [line for line in run.output.splitlines() if line.startswith("/")]


def test_no_privileges_remain(attempt: Attempt) -> None:
    run = attempt("grep -E '^(Cap|NoNewPrivs|Uid)' /proc/self/status; unshare --user true; touch out")
    rights = dict(re.findall(r"^(\w+):\s+(\S+)", run.output, re.MULTILINE))
    assert {rights[name] for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")} == {"0" * 16}
    assert (rights["NoNewPrivs"], rights["Uid"] != "0") == ("1", True)
    assert "Operation not permitted" in run.output


def test_no_socket_reaches_the_machine(attempt: Attempt) -> None:
    name = f"\0ebpf-new-{os.getpid()}"
    with socket.socket() as tcp, socket.socket(socket.AF_UNIX) as abstract:
        tcp.bind(("127.0.0.1", 0))
        abstract.bind(name)
        for server in (tcp, abstract):
            server.listen()
            server.settimeout(0.1)
        run = attempt(f"""/usr/bin/python3 - <<'END'
import socket
for family, address in ((socket.AF_INET, {tcp.getsockname()!r}), (socket.AF_UNIX, {name!r}), (socket.AF_VSOCK, (2, 1))):
    try:
        socket.socket(family).connect(address)
        print("connected", family)
    except OSError as error:
        print(error.strerror)
END
touch out""")
        assert run.output.splitlines() == [
            "Connection refused", "Connection refused", "Address family not supported by protocol",
        ]  # fmt: skip
        for server in (tcp, abstract):
            with pytest.raises(TimeoutError):
                server.accept()


def test_processes_are_limited_and_none_remains(attempt: Attempt) -> None:
    mark = f"ebpf-new-mark-{os.getpid()}"
    run = attempt(f"""touch out; exec /usr/bin/python3 - {mark} <<'END'
import os, time
count = 0
try:
    while os.fork():
        count += 1
    time.sleep(60)
except OSError:
    print(count, flush=True)
END""")
    assert 8 < int(run.output) < SMALL.processes
    assert not running(mark)


def running(mark: str) -> list[Path]:
    return [path for path in Path("/proc").glob("[0-9]*/cmdline") if mark.encode() in _read(path)]


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:  # the process has ended
        return b""


def test_file_sizes_are_limited(attempt: Attempt) -> None:
    run = attempt("truncate -s 100G sparse; for i in {1..100}; do head -c 8M /dev/zero >f$i || exit; done; touch out")
    assert run.result.status not in (0, None)
    assert "File size limit exceeded" in run.output or "File too large" in run.output
    assert "No space left on device" in run.output


def test_a_link_out_of_the_sandbox_is_not_followed(attempt: Attempt) -> None:
    for script in ("ln -s /etc/shadow out", "cp --no-dereference secret out", f"ln -s {Path.home()}/.bashrc out"):
        run = attempt(script)
        assert "out of the sandbox" in run.output, script
        assert run.out is None


def test_memory_is_limited(source: Path) -> None:
    run = run_script(small_sandbox(), "head -c 2G /dev/zero | tail; touch out", source)
    assert run.result.exceeded == f"it used more than {SMALL.memory} MiB of memory"


def test_time_is_limited_even_for_processes_that_ignore_signals(source: Path) -> None:
    mark = f"ebpf-new-deaf-{os.getpid()}"
    script = f"trap '' HUP INT TERM; (setsid bash -c 'exec -a {mark} sleep 99' &); exec -a {mark} sleep 99"
    assert run_script(small_sandbox(), script, source, seconds=1.5).result.status is None
    assert not running(mark)


def test_no_zombie_remains(source: Path) -> None:
    libc = ctypes.CDLL(None)
    libc.prctl(PR_SET_CHILD_SUBREAPER, 1)  # orphaned processes become children of this one
    try:
        for script in ("sleep 60", "sleep 60 & touch out"):
            run_script(small_sandbox(), script, source, seconds=1)
        with pytest.raises(ChildProcessError):
            os.waitpid(-1, os.WNOHANG)
    finally:
        libc.prctl(PR_SET_CHILD_SUBREAPER, 0)


def test_the_end_of_a_control_group_ends_its_processes() -> None:
    parents = small_sandbox().cgroups
    mark = f"ebpf-new-daemon-{os.getpid()}"
    assert parents is not None
    with new_cgroup(parents, 64 << 20) as group:
        command = ["bash", "-c", f"cat /proc/self/cgroup; (setsid bash -c 'exec -a {mark} sleep 60' >/dev/null &)"]
        membership = subprocess.run(group.command(command), check=True, stdout=subprocess.PIPE, text=True).stdout
        assert f"/{group.directories[0].name}\n" in membership
        deadline = time.monotonic() + 20
        while not running(mark):
            assert time.monotonic() < deadline
            time.sleep(0.02)
    assert not [directory for directory in group.directories if directory.exists()]
    assert not running(mark)


def test_groups_of_killed_runs_are_removed() -> None:
    parents = small_sandbox().cgroups
    assert parents is not None
    with subprocess.Popen(["true"]) as gone:
        pass
    stale = [parents.memory / f"ebpf-new-{pid}-test{os.getpid()}" for pid in (gone.pid, os.getpid())]
    for directory in stale:
        directory.mkdir()
    try:
        remove_stale_cgroups(parents)
        assert [directory.exists() for directory in stale] == [True, True]
        for directory in stale:
            os.utime(directory, (0, 0))
        remove_stale_cgroups(parents)
        assert [directory.exists() for directory in stale] == [False, True]
    finally:
        for directory in stale:
            if directory.exists():
                directory.rmdir()


@pytest.mark.parametrize("machine", seccomp.MACHINES)
def test_system_call_numbers_match_the_kernel_headers(machine: str) -> None:
    headers = {"x86_64": "x86_64-linux-gnu/asm/unistd_64.h", "aarch64": "asm-generic/unistd.h"}
    header = Path("/usr/include", headers[machine]).read_text()
    numbers = {name: int(number) for name, number in re.findall(r"#define __NR_(\w+)\s+(\d+)", header)}
    expected = {**seccomp.MACHINES[machine][1], **seccomp.UNIMPLEMENTED}
    assert {name: numbers[name] for name in expected} == expected


def test_unlimited_memory_must_be_allowed(source: Path) -> None:
    def refused_message() -> str:
        with pytest.raises(SandboxError) as error:
            base_sandbox(SMALL, allow_unlimited_memory=False)
        assert run_script(base_sandbox(SMALL, allow_unlimited_memory=True), "touch out", source).out == b""
        return str(error.value)

    message = as_nobody(refused_message)
    assert "cannot limit the memory" in message and "--allow-unlimited-memory" in message


def test_missing_bubblewrap_is_an_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SandboxError, match="bwrap is missing") as error:
        small_sandbox()
    assert error.value.exit_code == 69
    assert "apt-get install bubblewrap" in error.value.hint
