# SPDX-License-Identifier: BSD-2-Clause
"""What comes out of a sandbox is written by whoever built there."""

import io
import tarfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaffold.testing.sandbox.artifacts import extract_artifacts
from scaffold.vmtest.errors import ManifestError

MIB = 1 << 20


def archive(*members: tuple[tarfile.TarInfo, bytes]) -> io.BytesIO:
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for member, data in members:
            tar.addfile(member, io.BytesIO(data))
    return written


def member(
    name: str, data: bytes = b"", kind: bytes = tarfile.REGTYPE, target: str = ""
) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.type, info.size, info.linkname, info.mode = kind, len(data), target, 0o4755
    return info, data


def test_files_and_what_is_in_directories_come_out(tmp_path: Path) -> None:
    made = archive(member("build/a", b"A"), member("data", kind=tarfile.DIRTYPE), member("data/b/c", b"C"))
    extract_artifacts(made, ["build/a", "data"], MIB, tmp_path / "out")
    assert (tmp_path / "out/build/a").read_bytes() == b"A"
    assert (tmp_path / "out/data/b/c").read_bytes() == b"C"
    assert (tmp_path / "out/build/a").stat().st_mode & 0o7777 == 0o755


@pytest.mark.parametrize(
    "kind",
    [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.GNUTYPE_SPARSE],
)
def test_nothing_but_an_ordinary_file_is_taken(kind: bytes, tmp_path: Path) -> None:
    with pytest.raises(ManifestError):
        extract_artifacts(archive(member("a", kind=kind, target="/etc/passwd")), ["a"], MIB, tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize("name", ["/a", "../a", "build/../../a", "a/../../b", "b", "./../a"])
def test_nothing_is_written_elsewhere(name: str, tmp_path: Path) -> None:
    made = archive(member("a", b"A"), member(name, b"B"))
    extract_artifacts(made, ["a"], MIB, tmp_path / "deep/out")
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["a"]


def test_a_link_out_is_no_way_for_the_next_file(tmp_path: Path) -> None:
    made = archive(member("a", kind=tarfile.SYMTYPE, target=str(tmp_path)), member("a/b", b"B"))
    extract_artifacts(made, ["a"], MIB, tmp_path / "out")
    assert not (tmp_path / "b").exists()


def test_what_is_too_large_is_told(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="more than 1 MiB"):
        extract_artifacts(archive(member("a", b"A" * MIB), member("b", b"B")), ["a", "b"], MIB, tmp_path / "out")


def test_a_file_that_claims_to_be_enormous_is_not_made(tmp_path: Path) -> None:
    info, _ = member("a")
    info.size = 1 << 50
    made = io.BytesIO(info.tobuf(tarfile.PAX_FORMAT))
    with pytest.raises(ManifestError):
        extract_artifacts(made, ["a"], MIB, tmp_path / "out")


def test_a_file_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="damaged"):
        extract_artifacts(archive(member("a", b"A"), member("a", b"B")), ["a"], MIB, tmp_path / "out")


@given(st.binary(max_size=2048))
def test_any_bytes_are_refused_in_one_way(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    with pytest.raises(ManifestError):
        extract_artifacts(io.BytesIO(data), ["a"], MIB, tmp_path_factory.mktemp("any") / "out")


@given(st.integers(0, 1535), st.integers(0, 255))
def test_a_damaged_archive_is_refused_or_taken_in_bounds(
    tmp_path_factory: pytest.TempPathFactory, place: int, value: int
) -> None:
    data = bytearray(archive(member("a", b"A" * 600)).getvalue())
    data[place] = value
    out = tmp_path_factory.mktemp("damaged") / "out"
    try:
        extract_artifacts(io.BytesIO(bytes(data)), ["a"], MIB, out)
    except ManifestError:
        return
    assert [path.name for path in out.parent.rglob("*") if path.is_file()] == ["a"]
