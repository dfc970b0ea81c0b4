# SPDX-License-Identifier: BSD-2-Clause
"""`ebpf-new list`."""

import json

from scaffold.project.catalog import frameworks, kernel_names
from tests.conftest import Command

FRAMEWORKS = [framework.name for framework in frameworks()]


def test_table_names_every_framework(ebpf_new: Command) -> None:
    done = ebpf_new("list")
    assert done.returncode == 0
    assert all(name in done.stdout for name in FRAMEWORKS)


def test_json_describes_every_framework(ebpf_new: Command) -> None:
    listed = json.loads(ebpf_new("list", "--json").stdout)
    assert [*listed["kernels"], "distro", "host"] == kernel_names()
    assert [framework["name"] for framework in listed["frameworks"]] == FRAMEWORKS
    keys = ("language", "needs", "artefact", "choose", "programs", "licenses", "shipped", "first_build", "languages")
    assert all(framework[key] for framework in listed["frameworks"] for key in keys)
