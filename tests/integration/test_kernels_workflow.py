# SPDX-License-Identifier: BSD-2-Clause
"""The scripts of kernels.yml in their order: shared out, tested in parts, joined into one report."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cargo_target import bring_crates
from tests.render.trees import CATALOG

pytestmark = pytest.mark.xdist_group("kernels-workflow")  # what all of them need is made once
ROOT = Path(__file__).parents[2]
JOBS = yaml.safe_load((ROOT / ".github/workflows/kernels.yml").read_text())["jobs"]
KERNELS = "6.1 6.12"


def script_of(job: str) -> dict[str, Any]:
    """Return the step of `job` that has its name as id."""
    (step,) = (each for each in JOBS[job]["steps"] if each.get("id") == job)
    return dict(step)


def run(job: str, directory: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run that step in `directory` as GitHub does."""
    step = script_of(job)
    assert set(step["env"]) == set(environment) - {"GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY"}
    command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]]
    return subprocess.run(
        command, cwd=directory, env={**os.environ, **environment}, text=True, capture_output=True, check=False
    )


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a directory that looks to the scripts like a checkout, with a project of each framework."""
    directory = tmp_path_factory.mktemp("checkout")
    (directory / ".venv/bin").mkdir(parents=True)
    program = directory / ".venv/bin/ebpf-new"
    program.write_text(f'#!/bin/sh\nPYTHONPATH={ROOT} exec {sys.executable} -m scaffold "$@"\n')
    program.chmod(0o755)
    for framework in CATALOG:
        project = directory / "build" / framework / f"my-{framework}"
        subprocess.run([program, project, "--framework", framework, "--yes", "--no-git"], check=True)
        bring_crates(project)
    return directory


@pytest.fixture(scope="module")
def outputs(checkout: Path) -> dict[str, str]:
    """Return what the first job gives the others."""
    output = checkout / "output"
    done = run("share", checkout, KERNELS=KERNELS, SHARDS="3", GITHUB_OUTPUT=str(output))
    assert done.returncode == 0, done.stderr
    found = dict(line.split("=", 1) for line in output.read_text().splitlines())
    assert JOBS["share"]["outputs"] == {name: f"${{{{ steps.share.outputs.{name} }}}}" for name in found}
    return found


@pytest.fixture(scope="module")
def parts(checkout: Path, outputs: dict[str, str]) -> Path:
    """Return the directory with the results of all parts."""
    for shard in json.loads(outputs["matrix"])["shard"]:
        done = run("test", checkout, KERNELS=outputs["kernels"], SHARD=shard)
        assert done.returncode == 0, done.stdout + done.stderr
    return checkout / "build"


def test_the_parts_are_all_of_it(parts: Path, checkout: Path, outputs: dict[str, str]) -> None:
    summary = checkout / "summary.md"
    done = run("report", checkout, PAIRS=outputs["pairs"], GITHUB_STEP_SUMMARY=str(summary))
    assert done.returncode == 0, done.stdout + done.stderr
    count = len(CATALOG) * len(KERNELS.split())
    assert outputs["pairs"] == str(count)
    assert f"{count} passed" in done.stdout and f"### {count} passed" in summary.read_text()
    assert (parts / "kernels.svg").read_text().count("<rect ") == count
    assert len(re.findall("<testcase ", (parts / "junit.xml").read_text())) == count


def test_without_one_part_it_is_red(parts: Path, tmp_path: Path, outputs: dict[str, str]) -> None:
    shutil.copytree(parts.parent / ".venv", tmp_path / ".venv")
    (tmp_path / "build").mkdir()
    for results in sorted(parts.glob("results-*.json"))[1:]:
        shutil.copy(results, tmp_path / "build")
    done = run("report", tmp_path, PAIRS=outputs["pairs"])
    assert done.returncode == 69
    assert f"of {outputs['pairs']} verdicts" in done.stderr


@pytest.mark.usefixtures("parts")  # all is built then
def test_a_part_that_fails_is_red_and_has_its_results(checkout: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(checkout, tmp_path / "checkout", symlinks=True))
    (program,) = copy.glob(f"build/{next(iter(CATALOG))}/*/src/*.bpf.c")
    program.write_text("no C")
    done = run("test", copy, KERNELS="6.1", SHARD="1/1")
    assert done.returncode == 1, done.stderr
    verdicts = [json.loads(line)["verdict"] for line in (copy / "build/results-1.json").read_text().splitlines()]
    assert sorted(verdicts) == ["fail", *["pass"] * (len(CATALOG) - 1)]
