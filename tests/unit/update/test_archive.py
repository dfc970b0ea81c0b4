# SPDX-License-Identifier: BSD-2-Clause
"""The archives of released templates."""

import io
import tarfile
from pathlib import Path

import pytest

from scaffold.errors import DiskError, TemplateError
from scaffold.update.archive import released_versions, unpack_template

MEMBERS = [
    "templates/_shared/Makefile.j2", "templates/libbpf/framework.toml", "templates/libbpf-rs/framework.toml",
    "scaffold/vmtest/run.py", "scaffold/doctor/cli.py", "samples.json",
]  # fmt: skip


@pytest.fixture
def releases(tmp_path: Path) -> Path:
    """Create an archive of the version 1.0."""
    (tmp_path / "releases").mkdir()
    with tarfile.open(tmp_path / "releases/1.0.tar.xz", "w:xz") as tar:
        for name in MEMBERS:
            member = tarfile.TarInfo(name)
            member.size = 4
            tar.addfile(member, io.BytesIO(b"text"))
    return tmp_path / "releases"


def test_released_versions(releases: Path) -> None:
    (releases / "0.9.tar.xz").touch()
    (releases / "README.md").touch()
    assert released_versions(releases) == ["0.9", "1.0"]


def test_only_the_files_of_the_framework_are_unpacked(releases: Path, tmp_path: Path) -> None:
    assert unpack_template("1.0", "libbpf", releases, tmp_path / "new") == tmp_path / "new/templates/libbpf"
    files = {str(path.relative_to(tmp_path / "new")) for path in (tmp_path / "new").rglob("*") if path.is_file()}
    assert files == {*MEMBERS} - {"templates/libbpf-rs/framework.toml", "samples.json"}


def test_archives_that_cannot_be_unpacked(releases: Path, tmp_path: Path) -> None:
    with pytest.raises(DiskError, match=r"2\.0\.tar\.xz"):
        unpack_template("2.0", "libbpf", releases, tmp_path)
    (releases / "2.0.tar.xz").write_bytes((releases / "1.0.tar.xz").read_bytes()[:100])
    with pytest.raises(TemplateError, match=r"2\.0\.tar\.xz is damaged") as caught:
        unpack_template("2.0", "libbpf", releases, tmp_path)
    assert caught.value.hint
