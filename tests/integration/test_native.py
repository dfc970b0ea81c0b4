# SPDX-License-Identifier: BSD-2-Clause
"""Generated programs in the kernel of this machine, as root: signals, refusals, and `make trace`."""

import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.integration.as_root import AS_ROOT, sh
from tests.integration.repositories import manifest


class Loader:
    """The program of a repository, which runs as root until it is stopped."""

    def __init__(self, repository: Path, output: Path, *arguments: object) -> None:
        self.output = output
        self.ready = manifest(repository)["program"]["ready"]
        command = [*AS_ROOT, "sh", "-c", 'echo $$; exec "$@"', "sh", repository / "build" / repository.name, *arguments]
        with output.open("w") as file:
            self.process = subprocess.Popen(list(map(str, command)), stdout=file, stderr=subprocess.STDOUT)

    def wait_until_attached(self) -> None:
        """Return when it says that it is attached, which must be soon."""
        deadline = time.monotonic() + 10
        while not self.is_attached() and self.process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.01)
        assert self.is_attached(), self.lines()

    def is_attached(self) -> bool:
        """Tell whether it has said so, in a whole line."""
        text = self.output.read_text()
        return self.ready in text[: text.rfind("\n") + 1]

    def lines(self) -> list[str]:
        """What it has printed so far, its pid first."""
        return self.output.read_text().splitlines()

    def bpf_programs(self) -> list[str]:
        """The ids of the BPF programs that it, or a process that it has started, has loaded."""
        script = """for pid in "$1" $(cat "/proc/$1/task/$1/children"); do
                sed -n 's/^prog_id:[[:space:]]*//p' "/proc/$pid/fdinfo/"*
            done"""
        return sh(script, self.lines()[0]).stdout.split()

    def stop(self, name: str) -> int:
        """Send a signal and return the exit status."""
        assert sh("kill -s $1 $2", name, self.lines()[0]).returncode == 0
        return self.process.wait(timeout=10)


@pytest.mark.usefixtures("trace_buffer")
@pytest.mark.parametrize("name", ["INT", "TERM"])
def test_signal_ends_it_with_0_and_nothing_stays_loaded(built: Path, tmp_path: Path, name: str) -> None:
    loader = Loader(built, tmp_path / "output")
    loader.wait_until_attached()
    programs = loader.bpf_programs()
    assert programs
    assert loader.stop(name) == 0
    for program in programs:
        assert sh("PATH=$PATH:/usr/sbin; bpftool prog show id $1", program).returncode != 0


@pytest.mark.usefixtures("trace_buffer")
@pytest.mark.parametrize("name", ["INT", "TERM"])
def test_early_signal_is_not_lost(built: Path, tmp_path: Path, name: str) -> None:
    for moment in range(20):
        loader = Loader(built, tmp_path / f"output{moment}")
        while not loader.lines():
            time.sleep(0.001)
        time.sleep(moment / 1000)
        ended = loader.stop(name)
        expected = (0,) if loader.is_attached() else (0, -getattr(signal, f"SIG{name}"))
        assert ended in expected, loader.lines()


@pytest.mark.parametrize("pid", ["abc", "-1", "", "1x", "2147483648", "99999999999999999999"])
def test_bad_pid_is_usage(built: Path, pid: str) -> None:
    done = subprocess.run([built / "build" / built.name, "--pid", pid], text=True, capture_output=True)
    assert done.returncode == 2
    assert "Usage" in done.stderr and "--pid" in done.stderr


def check_short_error(done: subprocess.CompletedProcess[str], fix: str) -> None:
    """The program prints one line, or an error and its hint, and the last line names the fix."""
    *error, last = done.stderr.splitlines()
    assert (done.returncode, done.stdout) == (1, "")
    assert not error or (len(error) == 1 and last.startswith("hint: ")), done.stderr
    assert fix in last


def test_without_privilege_the_error_names_sudo(built: Path) -> None:
    powerless = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"] if not AS_ROOT else []
    done = subprocess.run([*powerless, built / "build" / built.name], text=True, capture_output=True)
    check_short_error(done, "sudo")


def test_without_tracefs_the_error_shows_how_to_mount_it(built: Path) -> None:
    hide = "mount -t tmpfs none /sys/kernel/debug; mount -t tmpfs none /sys/kernel/tracing"
    done = sh(f"unshare --mount sh -c '{hide}; exec $1' sh \"$1\"", built / "build" / built.name)
    check_short_error(done, "mount -t tracefs")


def trace(repository: Path, seconds: float) -> tuple[int, list[str]]:
    """Run `make trace` for some seconds, end it as Ctrl-C does, and return its status and lines."""
    command = ["make", "trace"]
    process = subprocess.Popen(
        command, cwd=repository, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True
    )
    time.sleep(seconds)
    sh('kill -s INT -- -"$1"', process.pid)
    output, _ = process.communicate(timeout=10)
    return process.returncode, output.splitlines()


@pytest.mark.usefixtures("trace_buffer")
def test_trace_does_not_feed_on_itself(built: Path, tmp_path: Path) -> None:
    loader = Loader(built, tmp_path / "output")
    loader.wait_until_attached()
    status, lines = trace(built, seconds=3)
    assert loader.stop("INT") == 0
    assert status == -signal.SIGINT
    assert len(lines) < 3 * 100


@pytest.mark.usefixtures("trace_buffer")
def test_trace_shows_the_process_that_is_followed(built: Path, tmp_path: Path) -> None:
    script = "while sleep 0.1; do echo hello; done"
    with subprocess.Popen(["sh", "-c", script], stdout=subprocess.DEVNULL) as writer:
        loader = Loader(built, tmp_path / "output", "--pid", writer.pid)
        loader.wait_until_attached()
        status, lines = trace(built, seconds=2)
        assert loader.stop("INT") == 0
        writer.kill()
    events = [line for line in lines if "BPF triggered" in line]
    assert len(events) > 5, lines
    assert all(line.endswith(f"from PID {writer.pid}.") for line in events)
    assert status == -signal.SIGINT


@pytest.mark.usefixtures("trace_buffer")
def test_trace_says_when_nothing_comes(built: Path) -> None:
    _, lines = trace(built, seconds=4)
    assert any("make run" in line for line in lines), lines
