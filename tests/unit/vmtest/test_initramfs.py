# SPDX-License-Identifier: BSD-2-Clause
"""Archives are reproducible, and static files need no libraries."""

import sys
from pathlib import Path

import pytest

from scaffold.vmtest import initramfs
from scaffold.vmtest.architecture import host_architecture
from scaffold.vmtest.bpf_counter import counter_program
from scaffold.vmtest.errors import InfrastructureError


def test_the_same_entries_give_the_same_bytes() -> None:
    entries = [initramfs.file("a/b", b"x"), initramfs.file("a/c", b"y")]
    assert initramfs.archive(entries) == initramfs.archive(iter(entries))
    times = [record[40:48] for record in initramfs.archive(entries).split(b"070701")[1:]]
    assert set(times) == {b"00000000"}


def test_a_static_program_and_a_script_have_no_libraries(tmp_path: Path) -> None:
    (tmp_path / "count").write_bytes(counter_program(host_architecture()))
    (tmp_path / "script").write_text("#!/bin/sh\n")
    assert initramfs.libraries(tmp_path / "count") == []
    assert initramfs.libraries(tmp_path / "script") == []
    assert initramfs.host_file(tmp_path / "script", "app/script").path == "app/script"


def test_a_program_for_an_unknown_machine_is_an_error(tmp_path: Path) -> None:
    riscv = bytearray(Path(sys.executable).resolve().read_bytes())
    riscv[18:20] = (243).to_bytes(2, "little")
    (tmp_path / "program").write_bytes(riscv)
    with pytest.raises(InfrastructureError, match=r"program is .* \(ELF number 243\)"):
        initramfs.libraries(tmp_path / "program")


def test_library_list_of_an_interpreter() -> None:
    listing = (
        "\tlinux-vdso.so.1 (0x7ffd)\n"
        "\tlibc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x7f01)\n"
        "\t/lib64/ld-linux-x86-64.so.2 (0x7f02)\n"
        "\tlibmissing.so => not found\n"
    )
    paths = ["/lib/x86_64-linux-gnu/libc.so.6", "/lib64/ld-linux-x86-64.so.2"]
    assert initramfs.parse_library_list(listing) == paths
