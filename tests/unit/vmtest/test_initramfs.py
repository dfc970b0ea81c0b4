# SPDX-License-Identifier: BSD-2-Clause
"""The archives are what cpio itself reads, and a program's libraries come along."""

import subprocess
import sys
from pathlib import Path

import pytest

from scaffold.vmtest import initramfs
from scaffold.vmtest.architecture import own_architecture
from scaffold.vmtest.bpf_counter import count_program
from scaffold.vmtest.errors import InfrastructureError


def test_cpio_unpacks_what_was_packed(tmp_path: Path) -> None:
    entries = [
        initramfs.file("app/program", b"\x00binary\xff" * 7, 0o755),
        initramfs.symlink("bin/sh", "busybox"),
        initramfs.directory("proc"),
        initramfs.file("app/empty", b"", 0o644),
    ]
    busybox_or_cpio = ["cpio", "-idm", "--quiet", "-D", str(tmp_path)]
    subprocess.run(busybox_or_cpio, input=initramfs.archive(entries), check=True)
    assert (tmp_path / "app/program").read_bytes() == b"\x00binary\xff" * 7
    assert (tmp_path / "app/program").stat().st_mode & 0o777 == 0o755
    assert (tmp_path / "app/empty").read_bytes() == b""
    assert (tmp_path / "bin/sh").readlink() == Path("busybox")
    assert (tmp_path / "proc").is_dir()


def test_same_entries_give_same_bytes() -> None:
    entries = [initramfs.file("a/b", b"x"), initramfs.file("a/c", b"y")]
    assert initramfs.archive(entries) == initramfs.archive(list(entries))


def test_a_dynamic_program_brings_its_libraries() -> None:
    paths = [entry.path for entry in initramfs.libraries(Path(sys.executable).resolve())]
    assert any("ld-linux" in path or "ld-musl" in path for path in paths)
    assert any("libc.so" in path or "ld-musl" in path for path in paths)


def test_a_static_program_and_a_script_bring_none(tmp_path: Path) -> None:
    (tmp_path / "count").write_bytes(count_program(own_architecture()))
    (tmp_path / "script").write_text("#!/bin/sh\n")
    assert initramfs.libraries(tmp_path / "count") == []
    assert initramfs.libraries(tmp_path / "script") == []
    assert initramfs.program(tmp_path / "script", "app/script").path == "app/script"


def test_a_program_of_a_machine_without_guests_is_named(tmp_path: Path) -> None:
    riscv = bytearray(Path(sys.executable).resolve().read_bytes())
    riscv[18:20] = (243).to_bytes(2, "little")
    (tmp_path / "program").write_bytes(riscv)
    with pytest.raises(InfrastructureError, match=r"program is .* \(ELF number 243\)"):
        initramfs.libraries(tmp_path / "program")
