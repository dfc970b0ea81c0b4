# SPDX-License-Identifier: BSD-2-Clause
"""tools/newest.sh, with which the weekly workflow updates the dependencies of a generated repository."""

import re
import subprocess
from pathlib import Path

import pytest

from tests.integration.repositories import render
from tests.paths import ROOT
from tests.render.trees import CATALOG, contents

LOCKS = {"go.mod", "go.sum", "Cargo.lock"}


def newest(*arguments: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([ROOT / "tools/newest.sh", *arguments], text=True, capture_output=True, check=False)


@pytest.mark.parametrize("framework", CATALOG)
def test_only_lock_files_change(framework: str, tmp_path: Path) -> None:
    repository = render(framework, tmp_path)
    before = contents(repository)
    done = newest(repository)
    assert done.returncode == 0, done.stderr
    after = contents(repository)
    assert after.keys() == before.keys()
    assert {name for name in after if after[name] != before[name]} <= LOCKS


def test_an_old_module_is_updated(tmp_path: Path) -> None:
    repository = render("cilium", tmp_path)
    command = ["go", "get", "golang.org/x/sys@v0.37.0", "github.com/cilium/ebpf@v0.20.0"]
    subprocess.run(command, cwd=repository, check=True, capture_output=True)
    assert newest(repository).returncode == 0
    for module in ("golang.org/x/sys", "github.com/cilium/ebpf"):
        (version,) = re.findall(rf"{module} (v[\d.]+)", (repository / "go.mod").read_text())
        assert version not in ("v0.37.0", "v0.20.0")


def test_an_old_crate_is_updated(tmp_path: Path) -> None:
    repository = render("libbpf-rs", tmp_path)
    lock = repository / "Cargo.lock"
    before = lock.read_bytes()
    (name, version) = re.findall(r'name = "(libc)"\nversion = "([\d.]+)"', before.decode())[0]
    older = f"{version.rpartition('.')[0]}.{int(version.rpartition('.')[2]) - 1}"
    subprocess.run(["cargo", "update", name, "--precise", older], cwd=repository, check=True, capture_output=True)
    assert lock.read_bytes() != before
    assert newest(repository).returncode == 0
    assert older not in re.findall(r'name = "libc"\nversion = "([\d.]+)"', lock.read_text())


def test_a_directory_that_is_not_a_repository_is_refused(tmp_path: Path) -> None:
    for arguments in ([], [tmp_path]):
        done = newest(*arguments)
        assert done.returncode == 1
        assert done.stderr.startswith("usage: tools/newest.sh DIR")
