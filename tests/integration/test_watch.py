# SPDX-License-Identifier: BSD-2-Clause
"""`make watch`: a build and a verdict at each save, and nothing left when it ends."""

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

LIMIT = 120  # seconds
PROGRAM = "src/minimal.bpf.c"


class Watch:
    """`make watch` in a copy of a project."""

    def __init__(self, project: Path, copy: Path, *words: str) -> None:
        self.project = Path(shutil.copytree(project, copy, symlinks=True))
        self.marker = f"WATCHED_BY={secrets.token_hex(8)}"
        self.output = copy.with_name("output")
        name, _, value = self.marker.partition("=")
        environment = {**os.environ, name: value, "CARGO_TARGET_DIR": str(cargo_target(self.project))}
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                ["make", "watch", "KERNEL=6.1", *words], cwd=self.project, env=environment,
                stdout=output, stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip

    def save(self, name: str, text: str) -> None:
        """Save a file as most editors do: by a new one that is renamed."""
        new = self.project / f"{name}.new~"
        new.write_text(text)
        new.rename(self.project / name)

    def verdicts(self) -> list[str]:
        """What was said, from each verdict to the next."""
        said = self.output.read_text()
        return re.split(r"^(?=PASS|FAIL)", said, flags=re.MULTILINE)[1:]

    def wait_for(self, what: Callable[[], bool]) -> None:
        """Wait until it is so."""
        deadline = time.monotonic() + LIMIT
        while not what():
            assert self.process.poll() is None and time.monotonic() < deadline, self.output.read_text()
            time.sleep(0.05)

    def nth(self, number: int) -> str:
        """Wait for so many verdicts, and return the last."""
        self.wait_for(lambda: len(self.verdicts()) >= number and self.output.read_text().endswith("saved\n"))
        assert len(self.verdicts()) == number
        return self.verdicts()[-1]

    def stop(self, number: signal.Signals) -> int:
        """End it by a signal to its group, as Ctrl-C does; nothing is left then."""
        os.killpg(self.process.pid, number)
        status = self.process.wait(10)
        assert processes_of(self.marker) == []
        return status


@contextmanager
def watching(project: Path, directory: Path, *words: str) -> Iterator[Watch]:
    """Run it for the time of the block."""
    watch = Watch(project, directory / project.name, *words)
    try:
        yield watch
    finally:
        if watch.process.poll() is None:
            watch.stop(signal.SIGTERM)


def test_a_save_brings_a_verdict(built: Path, tmp_path: Path) -> None:
    with watching(built, tmp_path) as watch:
        watch.wait_for(lambda: len(watch.verdicts()) == 1)
        watch.save(PROGRAM, (built / PROGRAM).read_text() + "// Saved.\n")
        said = watch.nth(2)
        assert said.startswith("PASS    my-tool on 6.1.") and f" s after {PROGRAM} was saved\n" in said
        time.sleep(1)  # what it has made itself would be seen by now
        assert len(watch.verdicts()) == 2
        assert watch.stop(signal.SIGINT) == -signal.SIGINT


def test_what_fails_is_said_and_it_goes_on(libbpf_project: Path, tmp_path: Path) -> None:
    good = (libbpf_project / PROGRAM).read_text()
    manifest = (libbpf_project / "test/vmtest.toml").read_text()
    with watching(libbpf_project, tmp_path) as watch:
        watch.wait_for(lambda: len(watch.verdicts()) == 1)
        watch.save(PROGRAM, good + "nonsense\n")
        assert watch.nth(2).startswith("FAIL    the build failed\n")
        assert f"{PROGRAM}:{good.count(chr(10)) + 1}:1: error: unknown type name 'nonsense'" in watch.output.read_text()
        watch.save(PROGRAM, good.replace("pid);", "pid + 1);"))
        said = watch.nth(3)
        assert re.match(r"FAIL    hello on 6\.1\..*\n        no event of PID .*\n        .* was saved\n$", said), said
        watch.save("test/vmtest.toml", "[guest\n")
        assert watch.nth(4).startswith("FAIL    ") and "test/vmtest.toml was saved" in watch.verdicts()[-1]
        watch.save(PROGRAM, good)
        watch.save("test/vmtest.toml", manifest)
        assert watch.nth(5).startswith("PASS    ")


def test_saves_during_a_run_lead_to_one_afterwards(libbpf_project: Path, tmp_path: Path) -> None:
    good = (libbpf_project / PROGRAM).read_text()
    with watching(libbpf_project, tmp_path) as watch:
        watch.wait_for(lambda: len(watch.verdicts()) == 1)
        watch.save(PROGRAM, good + "// One.\n")
        watch.wait_for(lambda: bool(guests_of(watch.marker)))
        (guest,) = guests_of(watch.marker)
        os.kill(guest, signal.SIGSTOP)  # so that the run is not over before all is saved
        for word in ("Two", "Three", "Four"):
            watch.save(PROGRAM, good + f"// {word}.\n")
            time.sleep(0.15)  # more than from one look to the next
        os.kill(guest, signal.SIGCONT)
        assert watch.nth(3).startswith("PASS    ")
        time.sleep(1)
        assert len(watch.verdicts()) == 3


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_build_ends_with_it(libbpf_project: Path, tmp_path: Path, number: signal.Signals) -> None:
    with watching(libbpf_project, tmp_path, "CLANG=sleep 1000 #") as watch:
        watch.save(PROGRAM, (libbpf_project / PROGRAM).read_text())
        watch.wait_for(lambda: any(b"sleep" in command_of(pid) for pid in processes_of(watch.marker)))
        assert watch.stop(number) == -number


def command_of(pid: int) -> bytes:
    """The words of the command that process `pid` is, with zeros between; b"" when it has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""
