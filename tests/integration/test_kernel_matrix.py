# SPDX-License-Identifier: BSD-2-Clause
"""Every framework passes on six series of kernels, from the oldest supported one to the newest available one."""

import json
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.integration.conftest import new_project
from tests.integration.engine import run_test
from tests.integration.vm_runs import RunnerResult, run_vmtest
from tests.render.trees import CATALOG

pytestmark = pytest.mark.xdist_group("kernel-matrix")  # the projects are built once, and run once, for all tests
OLDEST = "5.10"
COUNT = 6


def offered_series() -> list[str]:
    """Return the series in the apt archive, oldest first."""
    command = [sys.executable, "-m", "scaffold", "kernels", "list", "--arch", "amd64", "--json"]
    listing = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return [str(offer["series"]) for offer in listing["offered"]]


@pytest.fixture(scope="module")
def matrix_run(tmp_path_factory: pytest.TempPathFactory) -> RunnerResult:
    """Return the result of one command for all frameworks on six kernels."""
    directory = tmp_path_factory.mktemp("matrix")
    projects = [new_project(directory, framework, f"my-{framework}") for framework in CATALOG]
    series = offered_series()
    indexes = sorted({round(number * (len(series) - 1) / (COUNT - 1)) for number in range(COUNT)})
    kernels = [series[index] for index in indexes]
    files = ["--junit", str(directory / "junit.xml"), "--heatmap", str(directory / "map.svg")]
    run = run_test(*projects, kernels=kernels, options=files)
    cases = ElementTree.parse(directory / "junit.xml").getroot()[0]
    assert len(cases) == len(run.verdicts)
    assert (directory / "map.svg").read_text().count("<rect ") == len(run.verdicts)
    return run


@pytest.mark.parametrize("framework", CATALOG)
def test_each_framework_passes_on_every_kernel(matrix_run: RunnerResult, framework: str) -> None:
    verdicts = [verdict for verdict in matrix_run.verdicts if verdict["framework"] == framework]
    failures = [(verdict["kernel"], verdict["verdict"]) for verdict in verdicts if verdict["verdict"] != "pass"]
    assert failures == [], verdicts
    assert len({verdict["kernel"] for verdict in verdicts}) == COUNT
    for verdict in verdicts:
        assert str(verdict["release"]).startswith(f"{verdict['kernel']}.")
        assert "BPF triggered sys_enter_write from PID" in verdict["events"][0]


def test_the_kernels_reach_from_the_oldest_to_the_newest(matrix_run: RunnerResult) -> None:
    assert (matrix_run.status, len(matrix_run.verdicts)) == (0, COUNT * len(CATALOG))
    kernels = {verdict["kernel"] for verdict in matrix_run.verdicts}
    assert {OLDEST, offered_series()[-1]} <= kernels


def test_newest_is_the_newest_series(libbpf_project: Path) -> None:
    (verdict,) = run_vmtest(libbpf_project, "--kernel", "newest").verdicts
    assert verdict["verdict"] == "pass", verdict
    assert verdict["release"].startswith(f"{offered_series()[-1]}.")
