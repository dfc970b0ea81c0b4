# SPDX-License-Identifier: BSD-2-Clause
"""The scripts of kernels.yml in their order: split the cases into parts, test the parts, merge the results."""

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

from tests.cargo_target import copy_compiled_crates
from tests.render.trees import CATALOG

pytestmark = pytest.mark.xdist_group("kernels-workflow")  # the parts are tested once for all tests
ROOT = Path(__file__).parents[2]
JOBS = yaml.safe_load((ROOT / ".github/workflows/kernels.yml").read_text())["jobs"]
KERNELS = "6.1 6.12"


def script_of(job: str) -> dict[str, Any]:
    """Return the step of `job` whose id is the name of the job."""
    (step,) = (step for step in JOBS[job]["steps"] if step.get("id") == job)
    return dict(step)


def run(job: str, directory: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run that step in `directory` with the shell that GitHub uses."""
    step = script_of(job)
    assert set(step["env"]) == set(environment) - {"GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY"}
    command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]]
    return subprocess.run(
        command, cwd=directory, env={**os.environ, **environment}, text=True, capture_output=True, check=False
    )


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a directory like a checkout of this repository, with a project of each framework."""
    directory = tmp_path_factory.mktemp("checkout")
    (directory / ".venv/bin").mkdir(parents=True)
    program = directory / ".venv/bin/ebpf-new"
    program.write_text(f'#!/bin/sh\nPYTHONPATH={ROOT} exec {sys.executable} -m scaffold "$@"\n')
    program.chmod(0o755)
    for framework in CATALOG:
        project = directory / "build" / framework / f"my-{framework}"
        subprocess.run([program, project, "--framework", framework, "--yes", "--no-git"], check=True)
        copy_compiled_crates(project)
    return directory


@pytest.fixture(scope="module")
def outputs(checkout: Path) -> dict[str, str]:
    """Return the outputs of the first job."""
    output = checkout / "output"
    done = run("share", checkout, KERNELS=KERNELS, SHARDS="3", GITHUB_OUTPUT=str(output))
    assert done.returncode == 0, done.stderr
    values = dict(line.split("=", 1) for line in output.read_text().splitlines())
    assert JOBS["share"]["outputs"] == {name: f"${{{{ steps.share.outputs.{name} }}}}" for name in values}
    return values


@pytest.fixture(scope="module")
def parts(checkout: Path, outputs: dict[str, str]) -> Path:
    """Return the directory with the results of all parts."""
    for shard in json.loads(outputs["matrix"])["shard"]:
        done = run("test", checkout, KERNELS=outputs["kernels"], SHARD=shard)
        assert done.returncode == 0, done.stdout + done.stderr
    return checkout / "build"


def test_the_parts_together_are_complete(parts: Path, checkout: Path, outputs: dict[str, str]) -> None:
    summary = checkout / "summary.md"
    done = run("report", checkout, CASES=outputs["cases"], GITHUB_STEP_SUMMARY=str(summary))
    assert done.returncode == 0, done.stdout + done.stderr
    count = len(CATALOG) * len(KERNELS.split())
    assert outputs["cases"] == str(count)
    assert f"{count} passed" in done.stdout and f"### {count} passed" in summary.read_text()
    assert (parts / "kernels.svg").read_text().count("<rect ") == count
    assert len(re.findall("<testcase ", (parts / "junit.xml").read_text())) == count


def test_a_missing_part_fails_the_report(parts: Path, tmp_path: Path, outputs: dict[str, str]) -> None:
    shutil.copytree(parts.parent / ".venv", tmp_path / ".venv")
    (tmp_path / "build").mkdir()
    for results in sorted(parts.glob("results-*.json"))[1:]:
        shutil.copy(results, tmp_path / "build")
    done = run("report", tmp_path, CASES=outputs["cases"])
    assert done.returncode == 69
    assert f"of {outputs['cases']} verdicts" in done.stderr


@pytest.mark.usefixtures("parts")  # so that the projects are built
def test_a_failed_part_has_results(checkout: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(checkout, tmp_path / "checkout", symlinks=True))
    (program,) = copy.glob(f"build/{next(iter(CATALOG))}/*/src/*.bpf.c")
    program.write_text("no C")
    done = run("test", copy, KERNELS="6.1", SHARD="1/1")
    assert done.returncode == 1, done.stderr
    verdicts = [json.loads(line)["verdict"] for line in (copy / "build/results-1.json").read_text().splitlines()]
    assert sorted(verdicts) == ["fail", *["pass"] * (len(CATALOG) - 1)]
