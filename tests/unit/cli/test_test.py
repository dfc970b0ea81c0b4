# SPDX-License-Identifier: BSD-2-Clause
"""`ebpf-new test`: what it rejects before it builds a project or boots a kernel."""

from pathlib import Path

import pytest

from tests.conftest import Command


def test_directory_without_a_manifest(ebpf_new: Command, tmp_path: Path) -> None:
    (tmp_path / "test").mkdir()
    done = ebpf_new("test", str(tmp_path), "--kernel", "6.1")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: ") and "vmtest.toml" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["gone"], "gone"),
        (["--template", "nonsense"], "nonsense"),
        (["--template", "libbpf", "--arch", "nonsense"], "nonsense"),
        (["--template", "libbpf", "--kernel", "6.1", "--shard", "2/1"], "2/1"),
        (["--template", "libbpf", "--kernel", "6.1", "--junit", "gone/junit.xml"], "gone"),
        (["--template", "libbpf", "--kernels", "gone"], "gone"),
        (["--template", "libbpf", "--vmtest", "gone"], "gone"),
        (["--template", "libbpf", "--jobs", "0"], "--jobs"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_wrong_usage(ebpf_new: Command, arguments: list[str], named: str) -> None:
    done = ebpf_new("test", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert named in done.stderr
