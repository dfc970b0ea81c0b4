# SPDX-License-Identifier: BSD-2-Clause
"""Modules are loaded with what they need, each after what it depends on."""

import lzma
from pathlib import Path

import pytest

from scaffold.vmtest.errors import InfrastructureError
from scaffold.vmtest.modules import in_order, module_trees, write_modules

RELEASE = "6.1.0-test"


def module(depends: str = "", *soft: str) -> bytes:
    """Return what counts of a module: that it is an ELF file, and the texts that it carries."""
    texts = ["license=GPL", f"depends={depends}", *(f"softdep={each}" for each in soft), "name=x"]
    return b"\x7fELF\0" + b"".join(text.encode() + b"\0" for text in texts)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Return the modules of a kernel, as its package has them."""
    place = tmp_path / "root/lib/modules" / RELEASE
    (place / "kernel/fs").mkdir(parents=True)
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
        (place / f"kernel/fs/{name}.ko").write_bytes(content)
    (place / "kernel/fs/packed.ko.xz").write_bytes(lzma.compress(module("mpls_router")))
    (place / "modules.builtin").write_text("kernel/fs/ext4/ext4.ko\nkernel/lib/crc-32.ko\n")
    return place


def written(tree: Path, *required: str) -> list[str]:
    target = tree / "written"
    write_modules(target, ["virtio_blk"], required, [tree])
    return [path.name[4:] for path in in_order(target)]


@pytest.mark.parametrize(
    ("required", "expected"),
    [
        (["xfs"], ["libcrc32c", "crc_t10dif", "xfs.required"]),
        (["mpls-iptunnel"], ["mpls_router", "mpls_iptunnel.required", "mpls_gso"]),
        (["mpls_router", "packed"], ["mpls_router.required", "packed.required"]),
        (["first"], ["second", "mpls_gso", "first.required"]),  # a circle, which modprobe(8) breaks too
        (["ext4", "crc_32"], []),
    ],
)
def test_the_order_of_loading(tree: Path, required: list[str], expected: list[str]) -> None:
    assert written(tree, *required) == [f"{name}.ko" for name in expected]


def test_a_module_that_is_not_there_is_named(tree: Path) -> None:
    with pytest.raises(InfrastructureError, match="this kernel has no module nowhere, and it is not built in"):
        written(tree, "xfs", "nowhere")


def test_a_damaged_module_is_named(tree: Path) -> None:
    packed = tree / "kernel/fs/packed.ko.xz"
    packed.write_bytes(packed.read_bytes()[:40])
    with pytest.raises(InfrastructureError, match=r"packed\.ko\.xz cannot be decompressed"):
        written(tree, "packed")


def test_the_modules_of_a_kernel_are_those_of_its_release(tree: Path) -> None:
    root = tree.parents[2]
    assert module_trees(root, RELEASE) == [tree]
    assert module_trees(root, "6.1.0-other") == []
