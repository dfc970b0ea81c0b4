# SPDX-License-Identifier: BSD-2-Clause
"""`ebpf-new kernels`: its default command and its output. tests/integration/test_kernel_store.py fetches kernels."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from scaffold.errors import UnavailableError
from scaffold.testing.kernel_store import CachedKernel
from tests.conftest import Command


@pytest.fixture(autouse=True)
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.mark.parametrize("command", [["kernels"], ["kernels", "list"]])
def test_list_is_the_default(ebpf_new: Command, command: list[str]) -> None:
    done = ebpf_new(*command, "--cached", "--json")
    assert json.loads(done.stdout) == {"cached": [], "offered": []}
    assert "ebpf-new kernels fetch" in ebpf_new(*command, "--cached").stdout
    assert ebpf_new(*command, "--arch", "nonsense").returncode == 2


def test_cached_kernels_are_listed_by_version(
    ebpf_new: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kernels = [
        CachedKernel(f"{version}.0-1-cloud-amd64", "amd64", "bookworm", 94_000_000, 1e9, tmp_path)
        for version in ("6.12", "6.1")
    ]
    monkeypatch.setattr("scaffold.testing.kernel_store.cached_kernels", lambda _: kernels)
    text = ebpf_new("kernels", "--cached").stdout
    assert text.index("6.1.0-1-cloud-amd64") < text.index("6.12.0-1-cloud-amd64")
    assert "94 MB" in text and "188 MB" in text and "2001-09-09" in text
    header = next(line for line in text.splitlines() if "Series" in line)
    assert header.split() == ["Series", "For", "Release", "Suite", "Cached", "Last", "used"]
    cached = json.loads(ebpf_new("kernels", "--cached", "--json").stdout)["cached"]
    assert [(kernel["release"], kernel["path"]) for kernel in cached] == [
        (kernel.release, str(tmp_path)) for kernel in kernels
    ]


def test_kernels_before_one_that_is_not_available_are_printed(
    ebpf_new: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fetch(*_: object) -> Iterator[str]:
        yield "6.1.0-1"
        raise UnavailableError("kernel 1.2 not found")

    monkeypatch.setattr("scaffold.testing.kernel_store.fetch_kernels", fetch)
    done = ebpf_new("kernels", "fetch", "6.1", "1.2")
    assert (done.returncode, done.stderr) == (69, "error: kernel 1.2 not found\n")
    assert done.stdout.split()[0] == "6.1.0-1"
    done = ebpf_new("kernels", "fetch", "6.1", "1.2", "--json")
    assert (done.returncode, json.loads(done.stdout)) == (69, {"fetched": ["6.1.0-1"]})


def test_prune_of_an_empty_cache(ebpf_new: Command) -> None:
    assert json.loads(ebpf_new("kernels", "prune", "--json").stdout) == {"kernels": [], "guests": 0, "size": 0}
    done = ebpf_new("kernels", "prune")
    assert (done.returncode, "0 MB" in done.stdout) == (0, True)
