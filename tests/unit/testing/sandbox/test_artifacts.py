# SPDX-License-Identifier: BSD-2-Clause
"""A forged or damaged archive of a build does no harm."""

import io
import tarfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaffold.testing.sandbox.artifacts import extract_artifacts
from scaffold.vmtest.errors import ManifestError

MIB = 1 << 20


def create_archive(*members: tuple[tarfile.TarInfo, bytes]) -> io.BytesIO:
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for member, data in members:
            tar.addfile(member, io.BytesIO(data))
    return archive


def member(
    name: str, data: bytes = b"", kind: bytes = tarfile.REGTYPE, target: str = ""
) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.type, info.size, info.linkname, info.mode = kind, len(data), target, 0o4755
    return info, data


def test_files_and_directories_are_extracted(tmp_path: Path) -> None:
    archive = create_archive(member("build/a", b"A"), member("data", kind=tarfile.DIRTYPE), member("data/b/c", b"C"))
    extract_artifacts(archive, ["build/a", "data"], MIB, tmp_path / "out")
    assert (tmp_path / "out/build/a").read_bytes() == b"A"
    assert (tmp_path / "out/data/b/c").read_bytes() == b"C"
    assert (tmp_path / "out/build/a").stat().st_mode & 0o7777 == 0o755


@pytest.mark.parametrize(
    "kind",
    [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.GNUTYPE_SPARSE],
)
def test_only_regular_files_are_extracted(kind: bytes, tmp_path: Path) -> None:
    with pytest.raises(ManifestError):
        extract_artifacts(create_archive(member("a", kind=kind, target="/etc/passwd")), ["a"], MIB, tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize("name", ["/a", "../a", "build/../../a", "a/../../b", "b", "./../a"])
def test_nothing_is_written_outside_the_directory(name: str, tmp_path: Path) -> None:
    archive = create_archive(member("a", b"A"), member(name, b"B"))
    extract_artifacts(archive, ["a"], MIB, tmp_path / "deep/out")
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["a"]


def test_a_symbolic_link_does_not_redirect_the_next_file(tmp_path: Path) -> None:
    archive = create_archive(member("a", kind=tarfile.SYMTYPE, target=str(tmp_path)), member("a/b", b"B"))
    extract_artifacts(archive, ["a"], MIB, tmp_path / "out")
    assert not (tmp_path / "b").exists()


def test_too_many_bytes_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="more than 1 MiB"):
        extract_artifacts(create_archive(member("a", b"A" * MIB), member("b", b"B")), ["a", "b"], MIB, tmp_path / "out")


def test_a_file_with_a_false_size_is_not_written(tmp_path: Path) -> None:
    info, _ = member("a")
    info.size = 1 << 50
    archive = io.BytesIO(info.tobuf(tarfile.PAX_FORMAT))
    with pytest.raises(ManifestError):
        extract_artifacts(archive, ["a"], MIB, tmp_path / "out")


def test_a_duplicate_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="damaged"):
        extract_artifacts(create_archive(member("a", b"A"), member("a", b"B")), ["a"], MIB, tmp_path / "out")


@given(st.binary(max_size=2048))
def test_any_bytes_are_refused_with_the_same_error(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    with pytest.raises(ManifestError):
        extract_artifacts(io.BytesIO(data), ["a"], MIB, tmp_path_factory.mktemp("any") / "out")


@given(st.integers(0, 1535), st.integers(0, 255))
def test_a_damaged_archive_is_refused_or_extracted_safely(
    tmp_path_factory: pytest.TempPathFactory, position: int, value: int
) -> None:
    data = bytearray(create_archive(member("a", b"A" * 600)).getvalue())
    data[position] = value
    out = tmp_path_factory.mktemp("damaged") / "out"
    try:
        extract_artifacts(io.BytesIO(bytes(data)), ["a"], MIB, out)
    except ManifestError:
        return
    assert [path.name for path in out.parent.rglob("*") if path.is_file()] == ["a"]
