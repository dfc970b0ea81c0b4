# SPDX-License-Identifier: BSD-2-Clause
"""Run the scripts of the workflow in docs/scale.md in their order, in a repository of two projects."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
import yaml

from tests.documented import documented_workflow
from tests.paths import ROOT

JOBS = yaml.safe_load(documented_workflow())["jobs"]
KERNELS = ("6.1", "6.12")
PROJECTS = ("first", "second")


@pytest.fixture
def repository(libbpf_project: Path, tmp_path: Path) -> Path:
    """Return a directory with the built projects, the list of kernels, and bin/ebpf-new."""
    for name in PROJECTS:
        shutil.copytree(libbpf_project, tmp_path / "templates" / name, symlinks=True)
    (tmp_path / "kernels.txt").write_text("".join(f"{kernel}\n" for kernel in KERNELS))
    command = tmp_path / "bin/ebpf-new"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nPYTHONPATH={ROOT} exec {sys.executable} -m scaffold "$@"\n')
    command.chmod(0o755)
    return tmp_path


def run_step(job: str, repository: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the step of `job` whose id is the name of the job, as GitHub does."""
    (step,) = (entry for entry in JOBS[job]["steps"] if entry.get("id") == job)
    assert set(step.get("env", {})) == set(environment) - {"GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY"}
    variables = {**os.environ, "PATH": f"{repository}/bin:{os.environ['PATH']}", **environment}
    command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]]
    return subprocess.run(command, cwd=repository, env=variables, text=True, capture_output=True, check=False)


def test_all_shards_are_merged_into_one_report(repository: Path) -> None:
    done = run_step("share", repository, GITHUB_OUTPUT=str(repository / "output"))
    assert done.returncode == 0, done.stderr
    outputs = dict(line.split("=", 1) for line in (repository / "output").read_text().splitlines())
    assert JOBS["share"]["outputs"] == {name: f"${{{{ steps.share.outputs.{name} }}}}" for name in outputs}
    shards = json.loads(outputs["matrix"])["shard"]
    assert (len(shards), outputs["cases"]) == (4, "4")
    # In one shard, the first project's program exits too early: the shard fails, and keeps the console of that guest.
    for shard in shards:
        main = repository / "templates/first/src/main.c"
        source = main.read_text()
        main.write_text(source.replace('puts("Attached', 'return 3; puts("Attached') if shard == shards[1] else source)
        done = run_step("test", repository, SHARD=shard)
        main.write_text(source)
        assert done.returncode == (1 if shard == shards[1] else 0), done.stdout + done.stderr
    assert [log.name for log in (repository / "logs").iterdir()] == [f"templates_first-{KERNELS[1]}-amd64.log"]

    summary = repository / "summary.md"
    done = run_step("report", repository, CASES=outputs["cases"], GITHUB_STEP_SUMMARY=str(summary))
    assert done.returncode == 1
    assert "### 3 passed, 1 failed" in summary.read_text()
    cases = ElementTree.parse(repository / "junit.xml").getroot().iter("testcase")
    assert [case.get("name", "").split()[0] for case in cases] == ["templates/first"] * 2 + ["templates/second"] * 2
    assert (repository / "kernels.svg").read_text().count("<rect ") == 4

    (repository / "results-4.json").unlink()
    summary.unlink()
    done = run_step("report", repository, CASES=outputs["cases"], GITHUB_STEP_SUMMARY=str(summary))
    assert done.returncode == 69
    assert "1 not run" in summary.read_text()
