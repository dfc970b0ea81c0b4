# SPDX-License-Identifier: BSD-2-Clause
"""`ebpf-new export`: its help and its errors. tests/render/test_export.py checks the repositories."""

from pathlib import Path

from scaffold.project.catalog import frameworks
from tests.conftest import Command


def test_help_names_the_options_and_choices(ebpf_new: Command) -> None:
    text = ebpf_new("export", "--help").stdout
    options = ["DIR", "--owner", "--program", "--author", "--email", "--license", "--git", "--no-git", "--json"]
    assert all(option in text for option in options)
    assert all(framework.choose.split()[0] in text for framework in frameworks())


def test_invalid_answer_is_an_error(ebpf_new: Command, tmp_path: Path) -> None:
    done = ebpf_new("export", "all", "--license", "x")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: --license: ") and "'x'" in done.stderr
    assert list(tmp_path.iterdir()) == []
