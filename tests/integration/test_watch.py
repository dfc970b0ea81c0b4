# SPDX-License-Identifier: BSD-2-Clause
"""`make watch` builds and tests after each save, and leaves no process when it exits."""

import os
import re
import secrets
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.cargo_target import cargo_target
from tests.integration.processes import guests_of, processes_of

WAIT_SECONDS = 120
PROGRAM = "src/minimal.bpf.c"


class Watch:
    """`make watch` in a copy of a project."""

    def __init__(self, project: Path, copy: Path, *arguments: str) -> None:
        self.project = Path(shutil.copytree(project, copy, symlinks=True))
        self.marker = f"WATCHED_BY={secrets.token_hex(8)}"
        self.output = copy.with_name("output")
        name, _, value = self.marker.partition("=")
        environment = {**os.environ, name: value, "CARGO_TARGET_DIR": str(cargo_target(self.project))}
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                ["make", "watch", "KERNEL=6.1", *arguments], cwd=self.project, env=environment,
                stdout=output, stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip

    def save(self, name: str, text: str) -> None:
        """Save a file as most editors do: write a new file and rename it."""
        new = self.project / f"{name}.new~"
        new.write_text(text)
        new.rename(self.project / name)

    def verdicts(self) -> list[str]:
        """Return the output from each verdict to the next."""
        text = self.output.read_text()
        return re.split(r"^(?=PASS|FAIL)", text, flags=re.MULTILINE)[1:]

    def wait_for(self, condition: Callable[[], bool]) -> None:
        """Wait until `condition` returns True."""
        deadline = time.monotonic() + WAIT_SECONDS
        while not condition():
            assert self.process.poll() is None and time.monotonic() < deadline, self.output.read_text()
            time.sleep(0.05)

    def wait_for_verdict(self, number: int) -> str:
        """Wait until there are exactly `number` verdicts, and return the last one."""
        self.wait_for(lambda: len(self.verdicts()) >= number and self.output.read_text().endswith("saved\n"))
        assert len(self.verdicts()) == number
        return self.verdicts()[-1]

    def stop(self, number: signal.Signals) -> int:
        """Send a signal to the process group, check that no process is left, and return the exit status."""
        os.killpg(self.process.pid, number)
        status = self.process.wait(10)
        assert processes_of(self.marker) == []
        return status


@contextmanager
def watching(project: Path, directory: Path, *arguments: str) -> Iterator[Watch]:
    """Run `make watch` until the block ends."""
    watch = Watch(project, directory / project.name, *arguments)
    try:
        yield watch
    finally:
        if watch.process.poll() is None:
            watch.stop(signal.SIGTERM)


def test_a_save_starts_a_test(built: Path, tmp_path: Path) -> None:
    with watching(built, tmp_path) as watch:
        watch.wait_for(lambda: len(watch.verdicts()) == 1)
        watch.save(PROGRAM, (built / PROGRAM).read_text() + "// Saved.\n")
        verdict = watch.wait_for_verdict(2)
        assert verdict.startswith("PASS    my-tool on 6.1.") and f" s after {PROGRAM} was saved\n" in verdict
        time.sleep(1)  # the build's own files must not start another test
        assert len(watch.verdicts()) == 2
        assert watch.stop(signal.SIGINT) == -signal.SIGINT


def test_it_continues_after_a_failure(libbpf_project: Path, tmp_path: Path) -> None:
    good = (libbpf_project / PROGRAM).read_text()
    manifest = (libbpf_project / "test/vmtest.toml").read_text()
    with watching(libbpf_project, tmp_path) as watch:
        watch.wait_for(lambda: len(watch.verdicts()) == 1)
        watch.save(PROGRAM, good + "nonsense\n")
        assert watch.wait_for_verdict(2).startswith("FAIL    the build failed\n")
        assert f"{PROGRAM}:{good.count(chr(10)) + 1}:1: error: unknown type name 'nonsense'" in watch.output.read_text()
        watch.save(PROGRAM, good.replace("pid);", "pid + 1);"))
        verdict = watch.wait_for_verdict(3)
        assert re.match(r"FAIL    hello on 6\.1\..*\n        no event of PID .*\n        .* was saved\n$", verdict), (
            verdict
        )
        watch.save("test/vmtest.toml", "[guest\n")
        assert watch.wait_for_verdict(4).startswith("FAIL    ") and "test/vmtest.toml was saved" in watch.verdicts()[-1]
        watch.save(PROGRAM, good)
        watch.save("test/vmtest.toml", manifest)
        assert watch.wait_for_verdict(5).startswith("PASS    ")


def test_saves_during_a_test_start_one_more_test(libbpf_project: Path, tmp_path: Path) -> None:
    good = (libbpf_project / PROGRAM).read_text()
    with watching(libbpf_project, tmp_path) as watch:
        watch.wait_for(lambda: len(watch.verdicts()) == 1)
        watch.save(PROGRAM, good + "// One.\n")
        watch.wait_for(lambda: bool(guests_of(watch.marker)))
        (guest,) = guests_of(watch.marker)
        os.kill(guest, signal.SIGSTOP)  # so that the test does not end before the last save
        for word in ("Two", "Three", "Four"):
            watch.save(PROGRAM, good + f"// {word}.\n")
            time.sleep(0.15)  # longer than the polling interval
        os.kill(guest, signal.SIGCONT)
        assert watch.wait_for_verdict(3).startswith("PASS    ")
        time.sleep(1)
        assert len(watch.verdicts()) == 3


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_build_too(libbpf_project: Path, tmp_path: Path, number: signal.Signals) -> None:
    with watching(libbpf_project, tmp_path, "CLANG=sleep 1000 #") as watch:
        watch.save(PROGRAM, (libbpf_project / PROGRAM).read_text())
        watch.wait_for(lambda: any(b"sleep" in command_of(pid) for pid in processes_of(watch.marker)))
        assert watch.stop(number) == -number


def command_of(pid: int) -> bytes:
    """Return the command line of the process `pid`, separated by zero bytes; b"" if the process has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""
