# SPDX-License-Identifier: BSD-2-Clause
"""What the steps of our own workflows do, run by the shell that GitHub runs them with."""

import itertools
import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from scaffold.project.catalog import default_kernels, load_catalog
from tests.documented import documented_workflow

ROOT = Path(__file__).parents[2]
WORKFLOWS = {path.stem: yaml.safe_load(path.read_text()) for path in (ROOT / ".github/workflows").glob("*.yml")}
CI = WORKFLOWS["ci"]["jobs"]
DOCUMENTED = yaml.safe_load(documented_workflow())["jobs"]


def step(workflow: str, job: str, id: str = "") -> dict[str, Any]:
    """The step of that id, or the only one that the job has."""
    (found,) = (each for each in WORKFLOWS[workflow]["jobs"][job]["steps"] if each.get("id", "") == id)
    assert isinstance(found, dict)
    return found


def run(script: str, cwd: Path = ROOT, **environment: str) -> subprocess.CompletedProcess[str]:
    command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script]
    return subprocess.run(command, cwd=cwd, env=os.environ | environment, text=True, capture_output=True, check=False)


def test_the_shell_of_every_script_is_the_one_of_these_tests() -> None:
    shells = {name: each.get("defaults", {}).get("run", {}).get("shell") for name, each in WORKFLOWS.items()}
    assert shells == {"ci": "bash", "kernels": "bash", "release": "bash", "weekly": None}  # the last one has no script


@pytest.mark.parametrize("newest", [False, True])
def test_every_framework_is_tested_on_every_kernel(tmp_path: Path, newest: bool) -> None:
    listing = step("ci", "list", "list")
    chosen = re.fullmatch(r"\$\{\{ inputs\.newest && '(.*)' \|\| '(.*)' \}\}", listing["env"]["MORE_KERNELS"])
    assert chosen
    output = tmp_path / "output"
    done = run(listing["run"], GITHUB_OUTPUT=str(output), MORE_KERNELS=chosen[1 if newest else 2])
    assert done.returncode == 0, done.stderr
    name, _, value = output.read_text().partition("=")
    assert CI["list"]["outputs"] == {name: f"${{{{ steps.list.outputs.{name} }}}}"}
    assert CI["project"]["strategy"]["matrix"] == f"${{{{ fromJSON(needs.list.outputs.{name}) }}}}"
    matrix = json.loads(value)
    kernels = [*default_kernels(), *(["distro"] if newest else [])]
    pairs = set(itertools.product(matrix.pop("framework"), matrix.pop("kernel")))
    assert pairs == set(itertools.product(load_catalog(), kernels))
    assert matrix == {}


def test_a_list_that_fails_fails_its_job(tmp_path: Path) -> None:
    script = step("ci", "list", "list")["run"].replace(".venv/bin/ebpf-new", "false")
    assert run(script, GITHUB_OUTPUT=str(tmp_path / "output"), MORE_KERNELS="[]").returncode != 0


@pytest.mark.parametrize("shards", ["0", "many"])
def test_shares_that_cannot_be_had_fail_their_job(tmp_path: Path, shards: str) -> None:
    script = step("kernels", "share", "share")["run"].replace("build", str(tmp_path))
    done = run(script, KERNELS="6.1", SHARDS=shards, GITHUB_OUTPUT=str(tmp_path / "output"))
    assert (done.returncode, (tmp_path / "output").exists()) == (2, False)
    assert run(script, KERNELS="6.1", SHARDS="2", GITHUB_OUTPUT=str(tmp_path / "output")).returncode == 0


@pytest.mark.parametrize(
    ("jobs", "job"), [(WORKFLOWS["kernels"]["jobs"], "test"), (DOCUMENTED, "test"), (DOCUMENTED, "report")]
)
def test_all_that_a_job_writes_is_kept(jobs: dict[str, Any], job: str) -> None:
    (script,) = (each["run"] for each in jobs[job]["steps"] if each.get("id") == job)
    (upload,) = (each for each in jobs[job]["steps"] if "upload-artifact" in each.get("uses", ""))
    files = re.findall(r"(?:--logs|--junit|--heatmap|tee) \"?([\w./-]+)", script)
    kept = upload["with"]["path"].split()
    assert upload["if"] == "always()" and len(files) == len(kept) == 2
    assert all(any(file.startswith(path.rstrip("/").partition("*")[0]) for path in kept) for file in files)


@pytest.mark.parametrize("result", ["success", "failure", "cancelled", "skipped"])
def test_the_gate_opens_only_if_all_jobs_passed(result: str) -> None:
    gate = CI["passed"]
    assert gate["if"] == "always()"
    assert set(gate["needs"]) == set(CI) - {"passed"}
    needs = {name: {"result": "success", "outputs": {}} for name in gate["needs"]}
    needs["project"]["result"] = result
    done = run(step("ci", "passed")["run"], NEEDS=json.dumps(needs))
    assert (done.returncode == 0) == (result == "success")


@pytest.mark.parametrize(
    ("tag", "archived", "said"),
    [
        ("v1.2.3", "1.2.3", ""),
        ("v0.0.0", "1.2.3", "tag v1.2.3"),
        ("1.2.3", "1.2.3", "tag v1.2.3"),
        ("v1.2.3", "1.2.2", "the templates of 1.2.3 are not archived"),
    ],
)
def test_a_release_has_the_version_of_its_tag_and_its_templates(
    tmp_path: Path, tag: str, archived: str, said: str
) -> None:
    (tmp_path / "scaffold/update/releases").mkdir(parents=True)
    (tmp_path / "scaffold/__init__.py").write_text('__version__ = "1.2.3"\n')
    (tmp_path / f"scaffold/update/releases/{archived}.tar.xz").touch()
    done = run(step("release", "build", "version")["run"], cwd=tmp_path, GITHUB_REF_NAME=tag)
    assert (done.returncode == 0) == (said == "")
    assert said in done.stderr
