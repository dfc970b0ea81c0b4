# SPDX-License-Identifier: BSD-2-Clause
"""`ebpf-new matrix`: its output. tests/unit/testing/test_selection.py checks which pairs it has."""

import json
from pathlib import Path

from tests.conftest import Command


def test_each_pair_is_a_line_and_the_last_line_counts_them(ebpf_new: Command, tmp_path: Path) -> None:
    (tmp_path / "hello").mkdir()
    arguments = ("matrix", "hello", "--template", "libbpf", "--kernel", "6.1", "--kernel", "6.12", "--arch", "arm64")
    *lines, last = ebpf_new(*arguments).stdout.splitlines()
    assert lines == [
        "hello on 6.1 (arm64)",
        "hello on 6.12 (arm64)",
        "template libbpf on 6.1 (arm64)",
        "template libbpf on 6.12 (arm64)",
    ]
    assert last.split()[0] == "4"


def test_json_is_one_line(ebpf_new: Command) -> None:
    done = ebpf_new("matrix", "--template", "libbpf", "--kernel", "6.1", "--arch", "amd64", "--json")
    (line,) = done.stdout.splitlines()
    assert json.loads(line)["include"] == [
        {"project": "libbpf", "kernel": "6.1", "arch": "amd64", "template": True},
    ]


def test_wrong_usage(ebpf_new: Command) -> None:
    for arguments in (["gone"], ["--template", "libbpf", "--shards", "0"]):
        assert ebpf_new("matrix", *arguments).returncode == 2
