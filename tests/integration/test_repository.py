# SPDX-License-Identifier: BSD-2-Clause
"""What a generated repository does with its own `make`, on this machine: no VM here."""

import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from scaffold.catalog import load_catalog
from scaffold.project import Project
from scaffold.render import render as render_project

CATALOG = load_catalog()
FRAMEWORKS = sorted(CATALOG)
LICENCES = [(framework, licence) for framework in FRAMEWORKS for licence in CATALOG[framework].licenses]
DESCRIPTION = 'Says "안녕 🐝": C:\\new */ {{ x }} $(touch pwned) `id` %s ???/ \\'
AUTHOR = 'Ada "Countess" O\'Byron \\ */ 한글'

# (what is missing, the target that needs it, what the one line must name)
NEEDS = {
    "libbpf": [
        ("clang", "build", "clang"),
        ("bpftool", "build", "bpftool"),
        ("pkg-config", "build", "pkg-config"),
        ("clang-format", "lint", "clang-format"),
        ("python3", "test", "python3"),
    ],
}
MISSING = [(framework, *need) for framework in FRAMEWORKS for need in NEEDS[framework]]


def render(framework: str, directory: Path, **answers: str) -> Path:
    """Render a project below `directory` and return where it is."""
    directory.mkdir(exist_ok=True)
    chosen = CATALOG[framework]
    defaults = {"name": "my-tool", "author": "", "email": "", "license": chosen.licenses[0], "year": "2026"}
    choices = {"framework": framework, "program": chosen.programs[0].name, "description": chosen.description}
    return render_project(Project.of(defaults | choices | answers, CATALOG), chosen, directory)


def framework_of(repository: Path) -> str:
    """The framework that the repository was rendered from, as it records it itself."""
    return str(json.loads((repository / ".ebpf-new.json").read_text())["answers"]["framework"])


def make(repository: Path, *arguments: str, path: str | None = None) -> subprocess.CompletedProcess[str]:
    """Run the repository's make and return what it did, both outputs in `stdout`."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("MAKE")}
    if path:
        environment["PATH"] = path
    command = [shutil.which("make") or "make", *arguments]
    return subprocess.run(
        command, cwd=repository, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )


def succeed(repository: Path, *arguments: str) -> str:
    """Run the repository's make, which must succeed, and return what it printed."""
    done = make(repository, *arguments)
    assert done.returncode == 0, done.stdout
    return done.stdout


@pytest.fixture(scope="module", params=FRAMEWORKS)
def built(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository that `make` has built, for reading only."""
    directory = tmp_path_factory.mktemp(request.param)
    repository = render(request.param, directory, description=DESCRIPTION, author=AUTHOR)
    succeed(repository, "--jobs=4")
    return repository


@pytest.fixture
def repository(built: Path, tmp_path: Path) -> Path:
    """A copy of the built repository that a test may change."""
    return Path(shutil.copytree(built, tmp_path / built.name, symlinks=True))


def test_second_make_does_nothing(built: Path) -> None:
    assert make(built, "--question").returncode == 0


def test_make_follows_changes(repository: Path) -> None:
    (program,) = repository.glob("**/*.bpf.c")
    program.write_text(program.read_text().replace("from PID", "by PID"))
    assert make(repository, "--question").returncode == 1
    succeed(repository)
    assert b"by PID" in (repository / "build" / repository.name).read_bytes()


def test_builds_in_a_directory_with_spaces(repository: Path) -> None:
    moved = repository.rename(repository.parent / "my projects' $HOME")
    succeed(moved, "clean")
    succeed(moved, "build", "dist")


def test_lint_is_clean(built: Path) -> None:
    succeed(built, "lint")


@pytest.mark.parametrize("framework", FRAMEWORKS)
@pytest.mark.parametrize("text", ["", "x" * 300])
def test_lint_is_clean_whatever_the_length_of_the_texts(framework: str, text: str, tmp_path: Path) -> None:
    succeed(render(framework, tmp_path, description=text, author=text), "lint")


def test_format_changes_nothing(repository: Path) -> None:
    before = {path: path.read_bytes() for path in repository.glob("src/*")}
    succeed(repository, "fmt")
    assert before == {path: path.read_bytes() for path in repository.glob("src/*")}


def test_help_names_the_project_and_every_target(built: Path) -> None:
    text = succeed(built, "help")
    phony = re.findall(r"^\.PHONY: (.*)$", (built / "Makefile").read_text(), re.MULTILINE)[0].split()
    assert built.name in text
    assert {line.split()[0] for line in text.splitlines()[1:]} == set(phony)


def test_description_comes_out_of_the_program_as_it_went_in(built: Path) -> None:
    shown = subprocess.run([built / "build" / built.name, "--help"], text=True, stdout=subprocess.PIPE, check=True)
    assert DESCRIPTION in shown.stdout.splitlines()
    assert not (built / "pwned").exists()


def test_dist_is_static_complete_and_reproducible(built: Path, tmp_path: Path) -> None:
    digests = set()
    for place in ("here", "elsewhere/and/deeper"):
        repository = shutil.copytree(built, tmp_path / place / built.name, ignore=shutil.ignore_patterns("build"))
        succeed(repository, "dist")
        (archive,) = repository.glob("dist/*.tar.gz")
        digests.add(hashlib.sha256(archive.read_bytes()).hexdigest())
        checksum = archive.with_name(archive.name + ".sha256").read_text()
        assert checksum.split() == [hashlib.sha256(archive.read_bytes()).hexdigest(), archive.name]
    assert len(digests) == 1

    with tarfile.open(archive) as tar:
        top = archive.name.removesuffix(".tar.gz")
        assert tar.getnames() == [top, *(f"{top}/{name}" for name in sorted(["LICENSE", "README.md", built.name]))]
    subprocess.run(["tar", "--extract", "--file", archive, "--directory", tmp_path], check=True)
    readelf = ["readelf", "--program-headers", str(tmp_path / top / built.name)]
    headers = subprocess.run(readelf, text=True, capture_output=True, check=True).stdout
    assert "LOAD" in headers and "INTERP" not in headers


def test_clean_leaves_what_was_rendered(repository: Path, tmp_path: Path) -> None:
    fresh = render(framework_of(repository), tmp_path / "fresh")
    succeed(repository, "dist")
    succeed(repository, "clean")
    assert files_of(repository) == files_of(fresh)


def files_of(directory: Path) -> set[Path]:
    """The paths of all files below `directory`, relative to it."""
    return {path.relative_to(directory) for path in directory.rglob("*") if path.is_file()}


def path_without(tool: str, directory: Path) -> str:
    """Fill `directory` with links to all programs of this machine but `tool`; return it as a PATH."""
    directory.mkdir()
    for place in os.environ["PATH"].split(":"):
        for program in Path(place).glob("*"):
            link = directory / program.name
            if program.name != tool and not link.is_symlink():
                link.symlink_to(program)
    return str(directory)


@pytest.mark.parametrize(("framework", "tool", "target", "named"), MISSING)
def test_missing_tool_is_one_line(framework: str, tool: str, target: str, named: str, tmp_path: Path) -> None:
    repository = render(framework, tmp_path)
    done = make(repository, target, "BPFTOOLS=bpftool", path=path_without(tool, tmp_path / "path"))
    complaints = [line for line in done.stdout.splitlines() if "***" in line or "rror" in line]
    assert done.returncode != 0
    assert len(complaints) == 1, done.stdout
    assert f"{tool} is missing" in complaints[0]
    assert named in complaints[0].partition("install")[2]


@pytest.mark.parametrize(("framework", "licence"), LICENCES)
def test_every_licence_that_a_file_names_has_its_text(framework: str, licence: str, tmp_path: Path) -> None:
    repository = render(framework, tmp_path, license=licence)
    text = (repository / "LICENSE").read_text()
    named = {licence}
    for path in files_of(repository) - {Path("LICENSE")}:
        named.update(re.findall(r"SPDX-License-Identifier: (.*)", (repository / path).read_text()))
    assert named == {licence, "BSD-2-Clause", "GPL-2.0-only OR BSD-2-Clause"}
    for identifier in {part for line in named for part in line.split(" OR ")}:
        assert f"\n{'=' * 78}\n{identifier}\n{'=' * 78}\n" in text


def test_missing_libbpf_is_one_line(tmp_path: Path) -> None:
    repository = render("libbpf", tmp_path)
    done = make(repository, "PKG_CONFIG=false")
    assert done.returncode != 0
    assert done.stdout.count("\n") == 1
    assert "libbpf is missing" in done.stdout and "libbpf-dev" in done.stdout


def test_bpftool_that_refuses_is_passed_over(tmp_path: Path) -> None:
    repository = render("libbpf", tmp_path)
    wrapper = tmp_path / "wrapper"
    wrapper.write_text("#!/bin/sh\necho 'WARNING: bpftool not found for kernel' >&2\nexit 2\n")
    wrapper.chmod(0o755)
    succeed(repository, f"BPFTOOLS={wrapper} bpftool /usr/sbin/bpftool")


def test_trace_shows_few_lines_and_none_of_its_own(built: Path, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "trace_pipe")
    script = "import sys, trace, pathlib; trace.TRACEFS = [pathlib.Path(sys.argv[1])]; trace.main()"
    environment = os.environ | {"PYTHONPATH": str(built / "tools"), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-c", script, str(tmp_path)]
    with subprocess.Popen(command, env=environment, text=True, stdout=subprocess.PIPE) as reader:
        with (tmp_path / "trace_pipe").open("w") as pipe:
            for _ in range(20):
                for pid in (1, reader.pid, os.getpid()):
                    pipe.write(f" name-{pid}  [000] ...21  1.0: bpf_trace_printk: by {pid}.\n\n" * 100)
                pipe.flush()
                time.sleep(0.1)
            reader.terminate()
        lines = reader.communicate()[0].splitlines()[1:]
    events = [line for line in lines if "more" not in line]
    assert 20 <= len(events) <= 20 + 2 * 25
    assert all(line.endswith("by 1.") for line in events)
    assert len(lines) < 2 * 100


# From here on programs run in the kernel of this machine, as root.

AS_ROOT = [] if os.geteuid() == 0 else ["sudo", "--non-interactive"]


def sh(script: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run a shell script as root, with `arguments` as $1 and so on, and return what it did."""
    command = [*AS_ROOT, "sh", "-c", script, "sh", *map(str, arguments)]
    return subprocess.run(command, text=True, capture_output=True)


class Loader:
    """A program of a repository that runs as root until it is stopped."""

    def __init__(self, program: Path, output: Path, *arguments: object) -> None:
        self.output = output
        command = [*AS_ROOT, "sh", "-c", 'echo $$; exec "$@"', "sh", program, *arguments]
        with output.open("w") as file:
            self.process = subprocess.Popen(list(map(str, command)), stdout=file, stderr=subprocess.STDOUT)

    def wait_until_attached(self) -> None:
        """Return when it says that it is attached; that must be soon and be one line."""
        deadline = time.monotonic() + 10
        while len(self.lines()) < 2 and self.process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.01)
        assert [line.partition(" ")[0] for line in self.lines()[1:]] == ["Attached"], self.lines()

    def lines(self) -> list[str]:
        """What it has printed so far, after its pid."""
        return self.output.read_text().splitlines()

    def bpf_programs(self) -> list[str]:
        """The ids of the BPF programs that it has loaded."""
        return sh("sed -n 's/^prog_id:[[:space:]]*//p' /proc/$1/fdinfo/*", self.lines()[0]).stdout.split()

    def stop(self, name: str) -> int:
        """Send a signal and return the exit status."""
        assert sh("kill -s $1 $2", name, self.lines()[0]).returncode == 0
        return self.process.wait(timeout=10)


@pytest.fixture(scope="module")
def tracefs() -> Iterator[None]:
    """tracefs is mounted, as on most machines."""
    mounted = sh("test -e /sys/kernel/tracing/trace_pipe || mount -t tracefs tracefs /sys/kernel/tracing")
    assert mounted.returncode == 0, mounted.stderr
    yield


@pytest.mark.usefixtures("tracefs")
@pytest.mark.parametrize("name", ["INT", "TERM"])
def test_signal_ends_it_with_0_and_nothing_stays_loaded(built: Path, tmp_path: Path, name: str) -> None:
    loader = Loader(built / "build" / built.name, tmp_path / "output")
    loader.wait_until_attached()
    programs = loader.bpf_programs()
    assert programs
    assert loader.stop(name) == 0
    for program in programs:
        assert sh("PATH=$PATH:/usr/sbin; bpftool prog show id $1", program).returncode != 0


@pytest.mark.usefixtures("tracefs")
@pytest.mark.parametrize("name", ["INT", "TERM"])
def test_early_signal_is_not_lost(built: Path, tmp_path: Path, name: str) -> None:
    for moment in range(20):
        loader = Loader(built / "build" / built.name, tmp_path / f"output{moment}")
        while not loader.lines():
            time.sleep(0.001)
        time.sleep(moment / 1000)
        ended = loader.stop(name)
        expected = (0,) if len(loader.lines()) > 1 else (0, -getattr(signal, f"SIG{name}"))
        assert ended in expected, loader.lines()


@pytest.mark.parametrize("pid", ["abc", "-1", "", "1x", "2147483648", "99999999999999999999"])
def test_bad_pid_is_usage(built: Path, pid: str) -> None:
    done = subprocess.run([built / "build" / built.name, "--pid", pid], text=True, capture_output=True)
    assert done.returncode == 2
    assert "Usage" in done.stderr and "--pid" in done.stderr


def test_without_privilege_it_says_so_in_a_line(built: Path) -> None:
    powerless = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"] if not AS_ROOT else []
    done = subprocess.run([*powerless, built / "build" / built.name], text=True, capture_output=True)
    assert done.returncode == 1
    assert done.stdout == "" and done.stderr.count("\n") == 1
    assert "sudo" in done.stderr


def test_without_tracefs_it_says_how_to_mount_it(built: Path) -> None:
    hide = "mount -t tmpfs none /sys/kernel/debug; mount -t tmpfs none /sys/kernel/tracing"
    done = sh(f"unshare --mount sh -c '{hide}; exec $1' sh \"$1\"", built / "build" / built.name)
    assert done.returncode == 1
    assert done.stdout == "" and done.stderr.count("\n") == 1
    assert "mount -t tracefs" in done.stderr


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


@pytest.mark.usefixtures("tracefs")
def test_trace_does_not_feed_on_itself(built: Path, tmp_path: Path) -> None:
    loader = Loader(built / "build" / built.name, tmp_path / "output")
    loader.wait_until_attached()
    status, lines = trace(built, seconds=3)
    assert loader.stop("INT") == 0
    assert status == -signal.SIGINT
    assert len(lines) < 3 * 100


@pytest.mark.usefixtures("tracefs")
def test_trace_shows_the_process_that_is_followed(built: Path, tmp_path: Path) -> None:
    script = "while sleep 0.1; do echo hello; done"
    with subprocess.Popen(["sh", "-c", script], stdout=subprocess.DEVNULL) as writer:
        loader = Loader(built / "build" / built.name, tmp_path / "output", "--pid", writer.pid)
        loader.wait_until_attached()
        status, lines = trace(built, seconds=2)
        assert loader.stop("INT") == 0
        writer.kill()
    events = [line for line in lines if "BPF triggered" in line]
    assert len(events) > 5, lines
    assert all(line.endswith(f"from PID {writer.pid}.") for line in events)
    assert status == -signal.SIGINT


@pytest.mark.usefixtures("tracefs")
def test_trace_says_when_nothing_comes(built: Path) -> None:
    _, lines = trace(built, seconds=4)
    assert any("make run" in line for line in lines), lines
