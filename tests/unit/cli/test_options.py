# SPDX-License-Identifier: BSD-2-Clause
"""Shell completion of commands, options and their values."""

import pytest

from scaffold.project.catalog import frameworks
from tests.conftest import Command

FIRST = frameworks()[0].name


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("ebpf-new hello --framework ", FIRST),
        ("ebpf-new new hello -f ", FIRST),
        ("ebpf-new doctor -f ", FIRST),
        ("ebpf-new hello --program ", "tracepoint"),
        ("ebpf-new hello --license LG", "LGPL-2.1 OR BSD-2-Clause"),
        ("ebpf-new export all --program ", "tracepoint"),
        ("ebpf-new export all --license LG", "LGPL-2.1 OR BSD-2-Clause"),
        ("ebpf-new test --template ", FIRST),
        ("ebpf-new test hello --kernel d", "distro"),
        ("ebpf-new test hello --arch ar", "arm64"),
        ("ebpf-new hello --lang k", "ko"),
        ("ebpf-new l", "list"),
        ("ebpf-new ex", "export"),
        ("ebpf-new hello --fr", "--framework"),
    ],
)
def test_completion(ebpf_new: Command, monkeypatch: pytest.MonkeyPatch, typed: str, expected: str) -> None:
    monkeypatch.setenv("_EBPF_NEW_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", typed)
    monkeypatch.setenv("COMP_CWORD", str(typed.count(" ")))
    assert expected in ebpf_new().stdout.splitlines()
