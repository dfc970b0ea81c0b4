# SPDX-License-Identifier: BSD-2-Clause
"""The workflows of every framework, run: CI is green, or red when the event is another; a release has its files."""

import hashlib
import json
import subprocess
import tarfile
from pathlib import Path

import pytest

from tests.conftest import git
from tests.integration.containers import project
from tests.integration.workflows import run_workflow
from tests.render.trees import CATALOG

FRAMEWORKS = [pytest.param(name, marks=pytest.mark.xdist_group(name)) for name in CATALOG]


def clean_clone(framework: str, directory: Path) -> Path:
    """Return a clone of a repository of `framework` that holds what was committed and nothing else."""
    origin = project(framework, directory / "origin")
    git(origin, "init", "--quiet", "--initial-branch=main")
    git(origin, "add", "--all")
    git(origin, "commit", "--quiet", "--message=Start")
    clone = directory / origin.name
    git(directory, "clone", "--quiet", f"file://{origin}", str(clone))
    return clone


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_ci_is_green(framework: str, tmp_path: Path) -> None:
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
def test_ci_is_red_when_the_program_prints_another_message(framework: str, tmp_path: Path) -> None:
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
def test_a_tag_builds_archives_for_both_processors(framework: str, tmp_path: Path) -> None:
    repository = clean_clone(framework, tmp_path)
    git(repository, "tag", "v1.0.0")
    artifacts = tmp_path / "artifacts"
    event = json.dumps({"ref": "refs/tags/v1.0.0"})
    run = run_workflow(repository, "release.yml", artifacts, "--job", "build", event=event)
    assert run.status == 0, run.log
    assert run.jobs == {"Build for amd64": True, "Build for arm64": True}
    for processor, machine, kind in (("amd64", "x86_64", "x86-64"), ("arm64", "aarch64", "ARM aarch64")):
        name = f"{repository.name}-{machine}"
        archive = artifacts / processor / f"{name}.tar.gz"
        checksum = hashlib.sha256(archive.read_bytes()).hexdigest()
        assert archive.with_name(f"{archive.name}.sha256").read_text() == f"{checksum}  {archive.name}\n"
        with tarfile.open(archive) as tar:
            tar.extractall(tmp_path, filter="data")
        programs = [path for path in (tmp_path / name).iterdir() if path.read_bytes()[:4] == b"\x7fELF"]
        assert programs
        for program in programs:
            said = subprocess.run(["file", program], check=True, capture_output=True, text=True).stdout
            assert kind in said and ("statically linked" in said or "static-pie linked" in said), said
