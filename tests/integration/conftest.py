# SPDX-License-Identifier: BSD-2-Clause
"""Projects made by the command itself, built by their own make, and run in guests."""

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
from tests.integration.as_root import sh
from tests.integration.repositories import AUTHOR, DESCRIPTION, succeed


def new_project(directory: Path, framework: str, name: str, *options: str) -> Path:
    """Make a project by the command and build it by its own Makefile."""
    new = [sys.executable, "-m", "scaffold", "new", str(directory / name), "--framework", framework, "--yes"]
    subprocess.run([*new, *options], check=True, capture_output=True)
    succeed(directory / name, "--jobs=4")
    return directory / name


# One framework by one worker, or each would build all of them, and two at once would compile the same.
FRAMEWORKS = [pytest.param(each.name, marks=pytest.mark.xdist_group(each.name)) for each in frameworks()]


@pytest.fixture(scope="session", params=FRAMEWORKS)
def built(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a built project of each framework, with texts that are hard to quote. Tests must not change it."""
    options = ["--description", DESCRIPTION, "--author", AUTHOR]
    return new_project(tmp_path_factory.mktemp(request.param), request.param, "my-tool", *options)


@pytest.fixture(scope="session")
def libbpf_project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a built libbpf project. Tests must not change it."""
    return new_project(tmp_path_factory.mktemp("sound"), "libbpf", "hello")


@pytest.fixture
def changed_project(libbpf_project: Path, tmp_path: Path) -> Callable[[str, str, str], Path]:
    """Return a function that copies the libbpf project, replaces a text in one file, and builds it."""

    def change(file: str, old: str, new: str) -> Path:
        copy = tmp_path / libbpf_project.name
        shutil.copytree(libbpf_project, copy)
        source = (copy / file).read_text()
        assert source.count(old) == 1, f"{old!r} stands {source.count(old)} times in {file}"
        (copy / file).write_text(source.replace(old, new))
        subprocess.run(["make", "-C", copy], check=True, capture_output=True)
        return copy

    return change


@pytest.fixture
def fresh_guests(tmp_path: Path) -> dict[str, str]:
    """Return an environment whose cache has the kernels that were fetched before, and no saved guest."""
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ebpf-new"
    cache = tmp_path / "cache" / "ebpf-new"
    cache.mkdir(parents=True)
    for part in ("kernels", "apt", "busybox", "accel.json"):
        (cache / part).symlink_to(home / part)
    return {"XDG_CACHE_HOME": str(cache.parent)}


@pytest.fixture
def trace_buffer() -> Iterator[None]:
    """tracefs is mounted, and no other test loads a template's program or uses the one trace buffer meanwhile."""
    mounted = sh("test -e /sys/kernel/tracing/trace_pipe || mount -t tracefs tracefs /sys/kernel/tracing")
    assert mounted.returncode == 0, mounted.stderr
    # Whatever root and /tmp a test has, this directory is the machine's one.
    kernel = os.open("/sys/kernel", os.O_RDONLY)
    try:
        fcntl.flock(kernel, fcntl.LOCK_EX)
        yield
    finally:
        os.close(kernel)
