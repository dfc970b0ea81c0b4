# SPDX-License-Identifier: BSD-2-Clause
"""Run the workflows of every framework: CI passes, or fails if the event differs, and a release has all its files."""

import hashlib
import json
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest

from tests.conftest import git
from tests.integration.conftest import FRAMEWORKS
from tests.integration.containers import project
from tests.integration.vm_runs import run_vmtest
from tests.integration.workflows import run_workflow

# Part of the output of `file` for a program of each architecture.
FILE_DESCRIPTIONS = {"x86_64": "x86-64", "aarch64": "ARM aarch64"}
DEBIAN_NAMES = {"x86_64": "amd64", "aarch64": "arm64"}


def clean_clone(framework: str, directory: Path) -> Path:
    """Return a clone of a repository of `framework` that contains only committed files."""
    origin = project(framework, directory / "origin")
    git(origin, "init", "--quiet", "--initial-branch=main")
    git(origin, "add", "--all")
    git(origin, "commit", "--quiet", "--message=Start")
    clone = directory / origin.name
    git(directory, "clone", "--quiet", f"file://{origin}", str(clone))
    return clone


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_ci_passes(framework: str, tmp_path: Path) -> None:
    repository = clean_clone(framework, tmp_path)
    run = run_workflow(repository, "ci.yml", tmp_path / "artifacts")
    assert run.status == 0, run.log
    kernels = [line for line in (repository / "test/kernels").read_text().splitlines() if line[0] != "#"]
    assert run.jobs == dict.fromkeys(["Read test/kernels", "Lint and build", *(f"Linux {k}" for k in kernels)], True)
    for kernel in kernels:
        assert f"PASS    {repository.name} on {kernel}." in run.log
    assert [path.name for path in (tmp_path / "artifacts").glob("dist/*.tar.gz")] == [
        f"{repository.name}-x86_64.tar.gz"
    ]
    assert git(repository, "status", "--porcelain") == ""


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_ci_fails_if_the_program_prints_another_message(framework: str, tmp_path: Path) -> None:
    repository = clean_clone(framework, tmp_path)
    source = repository / "src/minimal.bpf.c"
    source.write_text(source.read_text().replace("BPF triggered", "BPF was triggered by"))
    git(repository, "commit", "--quiet", "--all", "--message=Print another message")
    run = run_workflow(repository, "ci.yml", tmp_path / "artifacts", "--job", "test", "--matrix", "kernel:6.1")
    assert run.status != 0
    assert run.jobs == {"Read test/kernels": True, "Linux 6.1": False}, run.log
    assert f"FAIL    {repository.name} on 6.1." in run.log
    assert "BPF was triggered by sys_enter_write" in run.log


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_a_tag_releases_archives_for_both_architectures(framework: str, tmp_path: Path) -> None:
    repository = clean_clone(framework, tmp_path)
    git(repository, "tag", "v1.0.0")
    artifacts = tmp_path / "artifacts"
    event = json.dumps({"ref": "refs/tags/v1.0.0"})
    run = run_workflow(repository, "release.yml", artifacts, "--job", "release", event=event)
    assert run.status == 0, run.log
    assert run.jobs == {"Build for amd64": True, "Build for arm64": True, "Create the release": True}
    (arguments,) = (artifacts / "gh").read_text().splitlines()
    assert arguments.startswith("release create v1.0.0 --verify-tag --generate-notes dist/")
    archives = {f"{repository.name}-{machine}.tar.gz": kind for machine, kind in FILE_DESCRIPTIONS.items()}
    released = artifacts / "released"
    assert {path.name for path in released.iterdir()} == {*archives, *(f"{name}.sha256" for name in archives)}
    for name, kind in archives.items():
        checksum = hashlib.sha256((released / name).read_bytes()).hexdigest()
        assert (released / f"{name}.sha256").read_text() == f"{checksum}  {name}\n"
        for description in describe_programs(released / name, tmp_path):
            assert kind in description, description
            assert "statically linked" in description or "static-pie linked" in description, description
        unpacked = tmp_path / name.removesuffix(".tar.gz")
        assert_passes_in_a_guest(repository, unpacked, DEBIAN_NAMES[unpacked.name.rpartition("-")[2]])


def assert_passes_in_a_guest(repository: Path, archive: Path, arch: str) -> None:
    """Run the files of an archive, as if `make` had built them, in guests of its architecture."""
    shutil.rmtree(repository / "build", ignore_errors=True)
    shutil.copytree(archive, repository / "build")
    run = run_vmtest(repository, "--arch", arch, "--kernel", "6.1", "--kernel", "6.12")
    assert [(verdict["verdict"], verdict["arch"]) for verdict in run.verdicts] == [("pass", arch)] * 2, run


def describe_programs(archive: Path, directory: Path) -> list[str]:
    """Unpack the archive into `directory`, and return the output of `file` for its ELF programs (at least one)."""
    with tarfile.open(archive) as tar:
        tar.extractall(directory, filter="data")
    files = (directory / archive.name.removesuffix(".tar.gz")).iterdir()
    programs = [path for path in files if path.read_bytes()[:4] == b"\x7fELF"]
    assert programs
    return subprocess.run(["file", *programs], check=True, capture_output=True, text=True).stdout.splitlines()
