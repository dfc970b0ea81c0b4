# SPDX-License-Identifier: BSD-2-Clause
"""Run generated programs in the kernel of this machine, as root: signals, errors, and `make trace`."""

import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.integration.as_root import SUDO, run_as_root
from tests.integration.repositories import manifest


class Loader:
    """The program of a repository. It runs as root until `stop` is called."""

    def __init__(self, repository: Path, output: Path, *arguments: object) -> None:
        self.output = output
        self.ready = manifest(repository)["program"]["ready"]
        command = [*SUDO, "sh", "-c", 'echo $$; exec "$@"', "sh", repository / "build" / repository.name, *arguments]
        with output.open("w") as file:
            self.process = subprocess.Popen(list(map(str, command)), stdout=file, stderr=subprocess.STDOUT)

    def wait_until_attached(self) -> None:
        """Wait until the program is attached, at most ten seconds."""
        deadline = time.monotonic() + 10
        while not self.is_attached() and self.process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.01)
        assert self.is_attached(), self.lines()

    def is_attached(self) -> bool:
        """Return whether the program has printed its ready message in a complete line."""
        text = self.output.read_text()
        return self.ready in text[: text.rfind("\n") + 1]

    def lines(self) -> list[str]:
        """Return the lines printed so far: first the PID, then the output of the program."""
        return self.output.read_text().splitlines()

    def bpf_programs(self) -> list[str]:
        """Return the ids of the BPF programs that the program and its child processes have loaded."""
        script = """for pid in "$1" $(cat "/proc/$1/task/$1/children"); do
                sed -n 's/^prog_id:[[:space:]]*//p' "/proc/$pid/fdinfo/"*
            done"""
        return run_as_root(script, self.lines()[0]).stdout.split()

    def stop(self, name: str) -> int:
        """Send the signal `name` (without SIG), and return the exit status."""
        assert run_as_root("kill -s $1 $2", name, self.lines()[0]).returncode == 0
        return self.process.wait(timeout=10)


@pytest.mark.usefixtures("trace_buffer")
@pytest.mark.parametrize("name", ["INT", "TERM"])
def test_after_a_signal_the_status_is_0_and_nothing_stays_loaded(built: Path, tmp_path: Path, name: str) -> None:
    loader = Loader(built, tmp_path / "output")
    loader.wait_until_attached()
    programs = loader.bpf_programs()
    assert programs
    assert loader.stop(name) == 0
    for program in programs:
        assert run_as_root("PATH=$PATH:/usr/sbin; bpftool prog show id $1", program).returncode != 0


@pytest.mark.usefixtures("trace_buffer")
@pytest.mark.parametrize("name", ["INT", "TERM"])
def test_early_signal_is_not_lost(built: Path, tmp_path: Path, name: str) -> None:
    for delay_ms in range(20):
        loader = Loader(built, tmp_path / f"output{delay_ms}")
        while not loader.lines():
            time.sleep(0.001)
        time.sleep(delay_ms / 1000)
        status = loader.stop(name)
        expected = (0,) if loader.is_attached() else (0, -getattr(signal, f"SIG{name}"))
        assert status in expected, loader.lines()


@pytest.mark.parametrize("pid", ["abc", "-1", "", "1x", "2147483648", "99999999999999999999"])
def test_an_invalid_pid_is_a_usage_error(built: Path, pid: str) -> None:
    done = subprocess.run([built / "build" / built.name, "--pid", pid], text=True, capture_output=True)
    assert done.returncode == 2
    assert "Usage" in done.stderr and "--pid" in done.stderr


def check_short_error(done: subprocess.CompletedProcess[str], fix: str) -> None:
    """Check that the program prints one line, or an error and its hint, and that the last line contains `fix`."""
    *error, last = done.stderr.splitlines()
    assert (done.returncode, done.stdout) == (1, "")
    assert not error or (len(error) == 1 and last.startswith("hint: ")), done.stderr
    assert fix in last


def test_without_privilege_the_error_names_sudo(built: Path) -> None:
    without_capabilities = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"] if not SUDO else []
    done = subprocess.run([*without_capabilities, built / "build" / built.name], text=True, capture_output=True)
    check_short_error(done, "sudo")


def test_without_tracefs_the_error_shows_how_to_mount_it(built: Path) -> None:
    hide = "mount -t tmpfs none /sys/kernel/debug; mount -t tmpfs none /sys/kernel/tracing"
    done = run_as_root(f"unshare --mount sh -c '{hide}; exec $1' sh \"$1\"", built / "build" / built.name)
    check_short_error(done, "mount -t tracefs")


def trace(repository: Path, seconds: float) -> tuple[int, list[str]]:
    """Run `make trace` for some seconds, end it as Ctrl-C does, and return its exit status and lines."""
    command = ["make", "trace"]
    process = subprocess.Popen(
        command, cwd=repository, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True
    )
    time.sleep(seconds)
    run_as_root('kill -s INT -- -"$1"', process.pid)
    output, _ = process.communicate(timeout=10)
    return process.returncode, output.splitlines()


@pytest.mark.usefixtures("trace_buffer")
def test_trace_does_not_show_its_own_events(built: Path, tmp_path: Path) -> None:
    loader = Loader(built, tmp_path / "output")
    loader.wait_until_attached()
    status, lines = trace(built, seconds=3)
    assert loader.stop("INT") == 0
    assert status == -signal.SIGINT
    assert len(lines) < 3 * 100


@pytest.mark.usefixtures("trace_buffer")
def test_trace_shows_only_the_selected_process(built: Path, tmp_path: Path) -> None:
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
def test_trace_prints_a_hint_if_there_are_no_events(built: Path) -> None:
    _, lines = trace(built, seconds=4)
    assert any("make run" in line for line in lines), lines
