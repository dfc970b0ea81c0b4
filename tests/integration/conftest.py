# SPDX-License-Identifier: BSD-2-Clause
"""Projects that the command creates and their own make builds, and fixtures for guests and BPF programs."""

import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import tests.toolchains  # noqa: F401
from scaffold.project.catalog import frameworks
from tests.integration.as_root import run_as_root
from tests.integration.repositories import AUTHOR, DESCRIPTION, succeed


def new_project(directory: Path, framework: str, name: str, *options: str) -> Path:
    """Create a project with `ebpf-new new`, build it with its own Makefile, and return its path."""
    command = [sys.executable, "-m", "scaffold", "new", str(directory / name), "--framework", framework, "--yes"]
    subprocess.run([*command, *options], check=True, capture_output=True)
    succeed(directory / name, "--jobs=4")
    return directory / name


# One worker per framework: otherwise each worker builds all projects, and two compile the same crates at once.
FRAMEWORKS = [pytest.param(item.name, marks=pytest.mark.xdist_group(item.name)) for item in frameworks()]


@pytest.fixture(scope="session", params=FRAMEWORKS)
def built(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a built project of each framework, with texts that are hard to quote. Tests must not change it."""
    options = ["--description", DESCRIPTION, "--author", AUTHOR]
    return new_project(tmp_path_factory.mktemp(request.param), request.param, "my-tool", *options)


@pytest.fixture(scope="session")
def libbpf_project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a built libbpf project. Tests must not change it."""
    return new_project(tmp_path_factory.mktemp("libbpf"), "libbpf", "hello")


@pytest.fixture
def changed_project(libbpf_project: Path, tmp_path: Path) -> Callable[[str, str, str], Path]:
    """Return a function that copies the libbpf project, replaces a text in one file, and builds it."""

    def change(file: str, old: str, new: str) -> Path:
        copy = tmp_path / libbpf_project.name
        shutil.copytree(libbpf_project, copy)
        source = (copy / file).read_text()
        assert source.count(old) == 1, f"{old!r} occurs {source.count(old)} times in {file}"
        (copy / file).write_text(source.replace(old, new))
        subprocess.run(["make", "-C", copy], check=True, capture_output=True)
        return copy

    return change


@pytest.fixture
def fresh_guests(tmp_path: Path) -> dict[str, str]:
    """Return an environment whose cache contains the downloaded kernels, but no saved guest."""
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ebpf-new"
    cache = tmp_path / "cache" / "ebpf-new"
    cache.mkdir(parents=True)
    for part in ("kernels", "apt", "busybox", "accel.json"):
        (cache / part).symlink_to(home / part)
    return {"XDG_CACHE_HOME": str(cache.parent)}


@pytest.fixture
def trace_buffer() -> Iterator[None]:
    """Mount tracefs, and lock the trace buffer: no other test loads a template's program or reads events meanwhile."""
    mounted = run_as_root("test -e /sys/kernel/tracing/trace_pipe || mount -t tracefs tracefs /sys/kernel/tracing")
    assert mounted.returncode == 0, mounted.stderr
    # This directory is the same for all tests, even for those with their own root directory or /tmp.
    descriptor = os.open("/sys/kernel", os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
