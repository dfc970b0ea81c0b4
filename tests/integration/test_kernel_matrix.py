# SPDX-License-Identifier: BSD-2-Clause
"""Every framework on six series of kernels, from the oldest that is promised to the newest that there is."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from tests.integration.conftest import new_project
from tests.integration.engine import Outcome, outcome_of
from tests.integration.vm_runs import run_vmtest
from tests.render.trees import CATALOG

pytestmark = pytest.mark.xdist_group("kernel-matrix")  # what all of them need is made once
OLDEST = "5.10"
COUNT = 6


def offered_series() -> list[str]:
    """Return the series that the archive has, oldest first."""
    command = [sys.executable, "-m", "scaffold", "kernels", "list", "--arch", "amd64", "--json"]
    listing = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return [str(offer["series"]) for offer in listing["offered"]]


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """Return what one command says of all frameworks on six kernels."""
    place = tmp_path_factory.mktemp("matrix")
    projects = [new_project(place, framework, f"my-{framework}") for framework in CATALOG]
    found = offered_series()
    chosen = sorted({round(index * (len(found) - 1) / (COUNT - 1)) for index in range(COUNT)})
    kernels = [found[index] for index in chosen]
    files = ["--junit", str(place / "junit.xml"), "--heatmap", str(place / "map.svg")]
    result = outcome_of(*projects, kernels=kernels, options=files)
    cases = ElementTree.parse(place / "junit.xml").getroot()[0]
    assert len(cases) == len(result.verdicts)
    assert (place / "map.svg").read_text().count("<rect ") == len(result.verdicts)
    return result


def of(outcome: Outcome, key: str, value: str) -> list[dict[str, Any]]:
    return [verdict for verdict in outcome.verdicts if verdict[key] == value]


@pytest.mark.parametrize("framework", CATALOG)
def test_each_framework_passes_on_all_of_them(outcome: Outcome, framework: str) -> None:
    verdicts = of(outcome, "framework", framework)
    assert [(each["kernel"], each["verdict"]) for each in verdicts if each["verdict"] != "pass"] == [], verdicts
    assert len({each["kernel"] for each in verdicts}) == COUNT
    for each in verdicts:
        assert str(each["release"]).startswith(f"{each['kernel']}.")
        assert "BPF triggered sys_enter_write from PID" in each["events"][0]


def test_they_are_all_and_reach_from_the_oldest_to_the_newest(outcome: Outcome) -> None:
    assert (outcome.status, len(outcome.verdicts)) == (0, COUNT * len(CATALOG))
    kernels = {each["kernel"] for each in outcome.verdicts}
    assert {OLDEST, offered_series()[-1]} <= kernels


def test_newest_is_the_newest_of_them(libbpf_project: Path) -> None:
    (verdict,) = run_vmtest(libbpf_project, "--kernel", "newest").verdicts
    assert verdict["verdict"] == "pass", verdict
    assert verdict["release"].startswith(f"{offered_series()[-1]}.")
