# SPDX-License-Identifier: BSD-2-Clause
"""Guests of the other architecture. (That every release archive runs in them is in test_workflow_runs.py.)"""

import gzip
import shutil
import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from scaffold.vmtest.accel import can_run_guest
from scaffold.vmtest.architecture import ARCHITECTURES
from scaffold.vmtest.kernels import find_kernel
from tests.integration.conftest import new_project
from tests.integration.engine import run_test
from tests.integration.repositories import succeed
from tests.integration.test_kernel_store import NOWHERE, kernels, with_modules
from tests.integration.test_vm_archive import apt_through
from tests.integration.vm_runs import run_vmtest

pytestmark = pytest.mark.xdist_group("arm64")  # what all of them need is made once


@pytest.fixture(scope="module")
def go_project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a project that is compiled for any processor with what is on this machine."""
    return new_project(tmp_path_factory.mktemp("go"), "cilium", "hello")


def test_it_is_compiled_for_the_guest_and_passes_there(go_project: Path) -> None:
    kernels = ["6.1", "6.12"]
    for warm in (None, True):
        run = run_test(go_project, kernels=kernels, options=["--arch", "arm64"])
        assert run.status == 0, run
        for verdict in run.verdicts:
            assert verdict["arch"] == "arm64" and verdict["release"].endswith("-arm64")
            assert warm is None or verdict["warm"]


def test_its_own_make_does_the_same(go_project: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(go_project, tmp_path / "hello", symlinks=True))
    assert "PASS    hello on 6.1.0" in succeed(copy, "test", "ARCH=arm64", "KERNEL=6.1")


def test_a_program_for_another_processor_is_named(libbpf_project: Path) -> None:
    run = run_vmtest(libbpf_project, "--kernel", "6.1", "--arch", "arm64")
    assert (run.status, run.verdicts) == (2, [])
    assert "hello is for x86_64, but the guest is aarch64" in run.stderr
    assert "hint: run `make ARCH=arm64`" in run.stderr


def test_a_kernel_for_another_processor_is_named(libbpf_project: Path) -> None:
    image = find_kernel("6.1", ARCHITECTURES["arm64"]).image
    (verdict,) = run_vmtest(libbpf_project, "--kernel", str(image)).verdicts
    assert verdict["verdict"] == "error"
    assert "is a kernel for arm64, but the guest is amd64" in verdict["reason"]


@pytest.fixture(scope="module")
def cross_built(go_project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a project that is built for arm64. Tests must not change it."""
    copy = Path(shutil.copytree(go_project, tmp_path_factory.mktemp("cross") / "hello", symlinks=True))
    succeed(copy, "ARCH=arm64")
    return copy


def as_it_is(image: bytes) -> bytes:
    return image


def efi_program(image: bytes) -> bytes:
    """Return what a kernel with CONFIG_EFI_ZBOOT is shipped as, without the program that unpacks it."""
    packed = gzip.compress(image, compresslevel=1)
    return struct.pack("<4s4sII8x32s", b"MZ\0\0", b"zimg", 64, len(packed), b"gzip").ljust(64, b"\0") + packed


@pytest.mark.parametrize("form", [as_it_is, gzip.compress, efi_program])
def test_a_kernel_file_boots_in_each_form(form: Callable[[bytes], bytes], cross_built: Path, tmp_path: Path) -> None:
    kernel = tmp_path / "vmlinuz"
    kernel.write_bytes(form(find_kernel("6.1", ARCHITECTURES["arm64"]).image.read_bytes()))
    (verdict,) = run_vmtest(cross_built, "--kernel", str(kernel), "--arch", "arm64").verdicts
    assert (verdict["verdict"], verdict["arch"]) == ("pass", "arm64"), verdict


def test_the_newest_kernel_and_modules_for_it(cross_built: Path, tmp_path: Path) -> None:
    copy = with_modules(cross_built, tmp_path, '"dummy"')
    (verdict,) = run_vmtest(copy, "--kernel", "newest", "--arch", "arm64").verdicts
    assert (verdict["verdict"], verdict["arch"]) == ("pass", "arm64"), verdict


def test_what_was_fetched_is_all_that_a_guest_needs(cross_built: Path, tmp_path: Path) -> None:
    cache = {"XDG_CACHE_HOME": str(tmp_path / "cache")}
    assert kernels("fetch", "6.1", "--arch", "arm64", variables=cache).returncode == 0
    offline = {**cache, **apt_through(NOWHERE, tmp_path)}
    (verdict,) = run_vmtest(cross_built, "--kernel", "6.1", "--arch", "arm64", environment=offline).verdicts
    assert (verdict["verdict"], verdict["arch"]) == ("pass", "arm64"), verdict


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_the_probe_for_kvm_is_a_guest_that_ends_itself(name: str) -> None:
    assert can_run_guest(ARCHITECTURES[name], "tcg")
    assert not can_run_guest(ARCHITECTURES[name], "no-such-accelerator")
