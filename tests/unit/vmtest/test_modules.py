# SPDX-License-Identifier: BSD-2-Clause
"""Modules are loaded with their dependencies, in the right order."""

import lzma
from pathlib import Path

import pytest

from scaffold.vmtest.errors import InfrastructureError
from scaffold.vmtest.modules import module_directories, module_files, write_modules

RELEASE = "6.1.0-test"


def module(depends: str = "", *softdeps: str) -> bytes:
    """Return the beginning of an ELF file and the strings of a module."""
    strings = ["license=GPL", f"depends={depends}", *(f"softdep={softdep}" for softdep in softdeps), "name=x"]
    return b"\x7fELF\2\1\0" + b"".join(string.encode() + b"\0" for string in strings)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Return a directory with the modules of a kernel, laid out as in its package."""
    directory = tmp_path / "root/lib/modules" / RELEASE
    (directory / "kernel/fs").mkdir(parents=True)
    for name, content in {
        "xfs": module("libcrc32c", "pre: crc-t10dif"),
        "libcrc32c": module("", "pre: crc32c"),
        "crc-t10dif": module(),
        "mpls_iptunnel": module("mpls_router", "post: mpls_gso"),
        "mpls_router": module(),
        "mpls_gso": module(),
        "first": module("", "pre: second"),
        "second": module("", "pre: first", "post: mpls_gso nowhere"),
    }.items():
        (directory / f"kernel/fs/{name}.ko").write_bytes(content)
    (directory / "kernel/fs/packed.ko.xz").write_bytes(lzma.compress(module("mpls_router")))
    (directory / "modules.builtin").write_text("kernel/fs/ext4/ext4.ko\nkernel/lib/crc-32.ko\n")
    return directory


def written(tree: Path, *required: str) -> list[str]:
    target = tree / "written"
    write_modules(target, ["virtio_blk"], required, [tree])
    return [path.name[4:] for path in module_files(target)]


@pytest.mark.parametrize(
    ("required", "expected"),
    [
        (["xfs"], ["libcrc32c", "crc_t10dif", "xfs.required"]),
        (["mpls-iptunnel"], ["mpls_router", "mpls_iptunnel.required", "mpls_gso"]),
        (["mpls_router", "packed"], ["mpls_router.required", "packed.required"]),
        (
            ["first"],
            ["second", "mpls_gso", "first.required"],
        ),  # a circular dependency, which modprobe(8) resolves in the same way
        (["ext4", "crc_32"], []),
    ],
)
def test_modules_are_in_the_order_of_loading(tree: Path, required: list[str], expected: list[str]) -> None:
    assert written(tree, *required) == [f"{name}.ko" for name in expected]


def test_an_error_names_a_missing_module(tree: Path) -> None:
    with pytest.raises(InfrastructureError, match=r"no module nowhere.*not built in.*guest\.modules"):
        written(tree, "xfs", "nowhere")


def test_an_error_names_a_damaged_module(tree: Path) -> None:
    packed = tree / "kernel/fs/packed.ko.xz"
    packed.write_bytes(packed.read_bytes()[:40])
    with pytest.raises(InfrastructureError, match=r"cannot decompress .*packed\.ko\.xz"):
        written(tree, "packed")


def test_module_directories_belong_to_the_release(tree: Path) -> None:
    root = tree.parents[2]
    assert module_directories(root, RELEASE) == [tree]
    assert module_directories(root, "6.1.0-other") == []
