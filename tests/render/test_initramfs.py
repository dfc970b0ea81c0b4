# SPDX-License-Identifier: BSD-2-Clause
"""cpio can unpack our archives, and a program's interpreter lists its libraries."""

import subprocess
import sys
from pathlib import Path

from scaffold.vmtest import initramfs


def test_cpio_unpacks_an_archive(tmp_path: Path) -> None:
    entries = [
        initramfs.file("app/program", b"\x00binary\xff" * 7, 0o755),
        initramfs.symlink("bin/sh", "busybox"),
        initramfs.directory("proc"),
        initramfs.file("app/empty", b"", 0o644),
    ]
    command = ["cpio", "-idm", "--quiet", "-D", str(tmp_path)]
    subprocess.run(command, input=initramfs.archive(entries), check=True)
    assert (tmp_path / "app/program").read_bytes() == b"\x00binary\xff" * 7
    assert (tmp_path / "app/program").stat().st_mode & 0o777 == 0o755
    assert (tmp_path / "app/empty").read_bytes() == b""
    assert (tmp_path / "bin/sh").readlink() == Path("busybox")
    assert (tmp_path / "proc").is_dir()


def test_libraries_of_a_dynamic_program() -> None:
    paths = [entry.path for entry in initramfs.libraries(Path(sys.executable).resolve())]
    assert any("ld-linux" in path or "ld-musl" in path for path in paths)
    assert any("libc.so" in path or "ld-musl" in path for path in paths)
