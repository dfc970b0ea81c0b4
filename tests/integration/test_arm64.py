# SPDX-License-Identifier: BSD-2-Clause
"""Guests of the other architecture. test_workflow_runs.py also runs every release archive in them."""

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

pytestmark = pytest.mark.xdist_group("arm64")  # so that the shared fixtures are built once


@pytest.fixture(scope="module")
def go_project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a project that this machine can compile for both architectures."""
    return new_project(tmp_path_factory.mktemp("go"), "cilium", "hello")


def test_it_is_compiled_for_the_guest_and_passes(go_project: Path) -> None:
    kernels = ["6.1", "6.12"]
    for is_restored in (False, True):
        run = run_test(go_project, kernels=kernels, options=["--arch", "arm64"])
        assert run.status == 0, run
        for verdict in run.verdicts:
            assert verdict["arch"] == "arm64" and verdict["release"].endswith("-arm64")
            assert verdict["warm"] or not is_restored


def test_make_test_passes_too(go_project: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(go_project, tmp_path / "hello", symlinks=True))
    assert "PASS    hello on 6.1.0" in succeed(copy, "test", "ARCH=arm64", "KERNEL=6.1")


def test_a_program_for_another_architecture_is_named(libbpf_project: Path) -> None:
    run = run_vmtest(libbpf_project, "--kernel", "6.1", "--arch", "arm64")
    assert (run.status, run.verdicts) == (2, [])
    assert "hello is for x86_64, but the guest is aarch64" in run.stderr
    assert "hint: run `make ARCH=arm64`" in run.stderr


def test_a_kernel_for_another_architecture_is_named(libbpf_project: Path) -> None:
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


def uncompressed(image: bytes) -> bytes:
    return image


def efi_program(image: bytes) -> bytes:
    """Return the image in the format of CONFIG_EFI_ZBOOT, without the code that decompresses it."""
    payload = gzip.compress(image, compresslevel=1)
    return struct.pack("<4s4sII8x32s", b"MZ\0\0", b"zimg", 64, len(payload), b"gzip").ljust(64, b"\0") + payload


@pytest.mark.parametrize("convert", [uncompressed, gzip.compress, efi_program])
def test_a_kernel_file_boots_in_each_format(
    convert: Callable[[bytes], bytes], cross_built: Path, tmp_path: Path
) -> None:
    kernel = tmp_path / "vmlinuz"
    kernel.write_bytes(convert(find_kernel("6.1", ARCHITECTURES["arm64"]).image.read_bytes()))
    (verdict,) = run_vmtest(cross_built, "--kernel", str(kernel), "--arch", "arm64").verdicts
    assert (verdict["verdict"], verdict["arch"]) == ("pass", "arm64"), verdict


def test_the_newest_kernel_boots_with_its_modules(cross_built: Path, tmp_path: Path) -> None:
    copy = with_modules(cross_built, tmp_path, '"dummy"')
    (verdict,) = run_vmtest(copy, "--kernel", "newest", "--arch", "arm64").verdicts
    assert (verdict["verdict"], verdict["arch"]) == ("pass", "arm64"), verdict


def test_a_fetched_kernel_boots_without_network(cross_built: Path, tmp_path: Path) -> None:
    cache = {"XDG_CACHE_HOME": str(tmp_path / "cache")}
    assert kernels("fetch", "6.1", "--arch", "arm64", variables=cache).returncode == 0
    offline = {**cache, **apt_through(NOWHERE, tmp_path)}
    (verdict,) = run_vmtest(cross_built, "--kernel", "6.1", "--arch", "arm64", environment=offline).verdicts
    assert (verdict["verdict"], verdict["arch"]) == ("pass", "arm64"), verdict


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_the_probe_guest_powers_itself_off(name: str) -> None:
    assert can_run_guest(ARCHITECTURES[name], "tcg")
    assert not can_run_guest(ARCHITECTURES[name], "no-such-accelerator")
