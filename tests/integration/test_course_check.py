# SPDX-License-Identifier: BSD-2-Clause
"""A course with harmful repositories: each affects only its own row in the gradebook."""

import csv
import hashlib
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.integration.repositories import render
from tests.integration.vm_runs import read_lines

pytestmark = pytest.mark.xdist_group("course check")  # one worker checks the course for all tests
KERNEL = "6.1"
LIMITS = ("--build-seconds", "12", "--memory", "512", "--disk", "64", "--processes", "64")
ATTACK = "\n.PHONY: attack\nbuild/minimal.bpf.o: attack\nattack:\n\t{}\n"
REASONS = {
    "network": "it needs the network, which a sandbox does not have",
    "home": "cannot create",
    "forks": "it used more than 64 processes",
    "disk": "its files used more than 64 MiB",
    "loud": "it printed more than 256 MiB",
    "endless": "the build did not end within 12 s",
    "link": "the build failed",
    "thief": "is a link out of the sandbox",
    "prebuilt": "does not exist after the build",
    "loader": "is for the interpreter",
    "pipe": "is not a regular file",
    "large": "is more than 64 MiB",
}


@dataclass(frozen=True)
class Checked:
    """The result of a check: its exit status, its stderr, its verdicts, and the rows of the gradebook by name."""

    status: int
    stderr: str
    verdicts: list[dict[str, str]]
    rows: dict[str, dict[str, str]]
    attempts: int  # connections to the listener


@dataclass(frozen=True)
class Course:
    """A course in the directory `root`, beside the files that its repositories attack."""

    root: Path
    mark: str
    listener: socket.socket

    @property
    def directory(self) -> Path:
        return self.root / "course"

    @property
    def outside(self) -> Path:
        return self.root / "outside"

    @property
    def stolen(self) -> Path:
        return Path.home() / self.mark

    def add(self, name: str) -> Path:
        return render("libbpf", self.directory, name=name)

    def attack(self, name: str, *commands: str) -> None:
        makefile = self.add(name) / "Makefile"
        makefile.write_text(makefile.read_text() + ATTACK.format("\n\t".join(commands)))

    def replace_build(self, name: str, *commands: str) -> Path:
        repository = self.add(name)
        (repository / "Makefile").write_text("build:\n\tmkdir -p build\n\t" + "\n\t".join(commands) + "\n")
        return repository

    def digest(self) -> str:
        """Return a digest of all files in the repositories."""
        digest = hashlib.sha256()
        for path in sorted(self.directory.glob("*/**/*")):
            digest.update(f"{path} {path.lstat().st_mode}".encode())
            if path.is_file() and not path.is_symlink():
                digest.update(path.read_bytes())
        return digest.hexdigest()

    def check(self, *options: str) -> Checked:
        command = [sys.executable, "-m", "scaffold", "course", "check", str(self.directory), "--kernel", KERNEL]
        done = subprocess.run(
            [*command, *LIMITS, "--jobs", "3", "--json", *options],
            env={**os.environ, "EBPF_NEW_MARK": self.mark}, capture_output=True, text=True, check=False,
        )  # fmt: skip
        with (self.directory / "gradebook.csv").open(encoding="utf-8", newline="") as file:
            rows = {row["name"]: row for row in csv.DictReader(file)}
        attempts = 0
        with suppress(TimeoutError):
            while self.listener.accept():
                attempts += 1
        return Checked(done.returncode, done.stderr, read_lines(done.stdout), rows, attempts)

    def processes(self) -> list[str]:
        """Return the command lines of the processes that its builds started and that still run."""
        found = []
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            with suppress(OSError):
                found.append(path.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
        return [command for command in found if self.mark in command]


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Course]:
    root = tmp_path_factory.mktemp("check")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.05)
        found = Course(root, f"ebpf-new-{secrets.token_hex(8)}", listener)
        found.directory.mkdir()
        found.outside.mkdir()
        _fill(found)
        yield found


def _fill(course: Course) -> None:
    mark, outside = course.mark, course.outside
    sound = course.add("sound")
    # Any git command in this repository would run this.
    (sound / ".git").mkdir()
    (sound / ".git/HEAD").write_text("ref: refs/heads/main\n")
    (sound / ".git/config").write_text(f"[core]\n\tfsmonitor = touch {outside}/git\n")

    port = course.listener.getsockname()[1]
    course.attack("network", f"bash -c 'echo {mark} >/dev/tcp/127.0.0.1/{port}'")
    course.attack("home", f"echo >$$HOME/{mark}", f"echo stolen >{course.stolen}")
    course.attack("forks", f"sh -c 'bomb() {{ bomb | bomb & }}; bomb; wait; exit 1' {mark}")
    course.attack(
        "disk", "-truncate -s 100G big", "for i in $$(seq 1000); do head -c 100M /dev/zero >f$$i || exit; done"
    )
    course.attack("loud", "yes | head -c 100G")
    deaf = "trap : HUP INT TERM; while :; do sleep 1; done"
    course.attack("endless", f"setsid sh -c '{deaf}' {mark} & sh -c '{deaf}' {mark}")
    link = course.add("link")
    (link / "build").symlink_to(outside)

    course.replace_build("thief", f"ln -s {sound}/Makefile build/thief")
    course.replace_build("pipe", "mkfifo build/pipe")
    course.replace_build("large", "truncate -s 64M build/large")
    prebuilt = course.replace_build("prebuilt", "true")
    (prebuilt / "build").mkdir()
    shutil.copy("/usr/bin/true", prebuilt / "build/prebuilt")
    loader = course.replace_build(
        "loader",
        f"echo 'int main(){{}}' | clang -x c - -Wl,--dynamic-linker={course.directory}/loader/run -o build/loader",
    )
    (loader / "run").write_text(f"#!/bin/sh\ntouch {outside}/loader\n")
    (loader / "run").chmod(0o755)

    cheat = course.add("cheat")
    _replace(cheat / "src/minimal.bpf.c", "pid != pid_filter", "pid == -1")
    _replace(cheat / "test/vmtest.toml", "filter =", "# filter =")


def _replace(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert text.count(old) == 1
    path.write_text(text.replace(old, new))


@pytest.fixture(scope="module")
def checked(course: Course) -> Checked:
    before = course.digest()
    found = course.check()
    assert course.digest() == before
    return found


def test_valid_repository_passes(checked: Checked) -> None:
    row = checked.rows["sound"]
    assert (row["build"], row[KERNEL], row["passed"], row["reason"]) == ("ok", "pass", "1", "")
    assert checked.status == 0, checked.stderr


@pytest.mark.parametrize("name", REASONS)
def test_harmful_repository_has_its_own_row(checked: Checked, name: str) -> None:
    row = checked.rows[name]
    assert row["passed"] == "0"
    assert REASONS[name] in row["reason"]


def test_no_build_reaches_the_machine(checked: Checked, course: Course) -> None:
    assert checked.attempts == 0
    assert not course.stolen.exists()
    assert list(course.outside.iterdir()) == []
    assert course.processes() == []


def test_verdict_for_each_repository(checked: Checked, course: Course) -> None:
    names = {path.name for path in course.directory.iterdir() if path.is_dir()}
    assert {verdict["project"] for verdict in checked.verdicts} == names == set(checked.rows)
    builds = {row["build"] for row in checked.rows.values()}
    assert builds == {"ok", "failed", "timeout"}


def test_own_manifest_does_not_count(checked: Checked) -> None:
    assert (checked.rows["cheat"]["build"], checked.rows["cheat"][KERNEL]) == ("ok", "fail")
    assert "with the filter set, an event of another process was seen" in checked.rows["cheat"]["reason"]


def test_resume_checks_the_missing_rows(checked: Checked, course: Course) -> None:
    path = course.directory / "gradebook.csv"
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(line for line in lines if not line.startswith("cheat,")))
    again = course.check("--resume", "--own-manifest")
    assert [(each["project"], each["verdict"]) for each in again.verdicts] == [("cheat", "pass")]
    assert {**again.rows, "cheat": {}} == {**checked.rows, "cheat": {}}


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGKILL])
def test_end_of_the_check_ends_the_builds(course: Course, signum: signal.Signals, tmp_path: Path) -> None:
    shutil.copytree(course.directory / "endless", tmp_path / "endless", symlinks=True)
    command = [sys.executable, "-m", "scaffold", "course", "check", str(tmp_path), "--kernel", KERNEL]
    temporary = tmp_path / "tmp"  # a killed check cannot remove its files
    temporary.mkdir()
    variables = {**os.environ, "TMPDIR": str(temporary)}
    with subprocess.Popen(command, env=variables, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as check:
        while len(course.processes()) < 2:
            assert check.poll() is None
            time.sleep(0.05)
        check.send_signal(signum)
    deadline = time.monotonic() + 20
    while course.processes() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert course.processes() == []
    assert (tmp_path / "gradebook.csv").read_text().count("endless") == 1


def test_command_test_has_the_same_sandbox(course: Course) -> None:
    command = [sys.executable, "-m", "scaffold", "test", str(course.directory / "network"), "--kernel", KERNEL]
    done = subprocess.run([*command, "--sandbox", "--json"], capture_output=True, text=True, check=False)
    (verdict,) = read_lines(done.stdout)
    assert (done.returncode, verdict["verdict"]) == (1, "fail")
    assert REASONS["network"] in verdict["reason"]
