# SPDX-License-Identifier: BSD-2-Clause
"""Test projects with deliberate defects in one command: each defect is detected, and the other projects still pass.

The BPF program is the same for all frameworks. sabotage/FRAMEWORK.toml contains the defects of the loader.
"""

import shutil
import tomllib
from pathlib import Path
from typing import Any

import pytest

from tests.integration.engine import run_test
from tests.integration.repositories import framework_of
from tests.integration.vm_runs import RunnerResult

KERNEL = "6.1"
RUN_SECONDS = 8  # time limit of a run in the guest
FILTER = "if (pid_filter && pid != pid_filter)"
BPF_DEFECTS = {
    "changed-message": ("BPF triggered", "BPF noticed"),
    "ignored-filter": (FILTER, "if (pid_filter && pid < 0)"),
    "verifier-refuses": (FILTER, "if (*(volatile int *)(long)pid)"),
}
EXPECTED = {
    "unchanged": ("pass", ""),
    "changed-message": ("fail", "no event of PID"),
    "ignored-filter": ("fail", "an event of another process was seen"),
    "verifier-refuses": ("fail", "the kernel rejected the BPF program"),
    "pinned": ("fail", "BPF programs stayed loaded"),
    "endless-loop": ("timeout", "the program to exit on SIGINT"),
    "fork-bomb": ("timeout", "it was waiting for"),
    "panic": ("panic", "the guest's kernel panicked"),
}


def add_defect(project: Path, defect: str, directory: Path) -> Path:
    """Copy `project` into `directory`, add the defect to the copy, and return its path."""
    copy = directory / defect
    shutil.copytree(project, copy, symlinks=True)
    if EXPECTED[defect][0] == "timeout":
        replace_once(copy / "test/vmtest.toml", "seconds = 30", f"seconds = {RUN_SECONDS}")
    if defect in BPF_DEFECTS:
        (file,) = copy.glob("src/*.bpf.c")
        replace_once(file, *BPF_DEFECTS[defect])
    elif defect != "unchanged":
        table = loader_defects(framework_of(project))
        replace_once(copy / table["file"], table["wait"], table[defect])
    return copy


def loader_defects(framework: str) -> dict[str, Any]:
    """Return the defects in sabotage/FRAMEWORK.toml, and the file and text that they replace."""
    return tomllib.loads((Path(__file__).parent / "sabotage" / f"{framework}.toml").read_text())


def replace_once(file: Path, old: str, new: str) -> None:
    """Replace `old`, which must occur exactly once in `file`."""
    text = file.read_text()
    assert text.count(old) == 1, f"{old!r} occurs {text.count(old)} times in {file}"
    file.write_text(text.replace(old, new))


@pytest.fixture(scope="module")
def result(built: Path, tmp_path_factory: pytest.TempPathFactory) -> RunnerResult:
    """Return the result of one `ebpf-new test` for a framework's projects, one for each defect."""
    directory = tmp_path_factory.mktemp("sabotage")
    projects = [add_defect(built, defect, directory) for defect in EXPECTED]
    return run_test(*projects, kernels=[KERNEL])


@pytest.mark.parametrize("defect", EXPECTED)
def test_each_defect_has_its_verdict(result: RunnerResult, defect: str) -> None:
    (verdict,) = [item for item in result.verdicts if Path(item["project"]).name == defect]
    kind, reason = EXPECTED[defect]
    assert (verdict["verdict"], verdict["kernel"]) == (kind, KERNEL), verdict
    assert reason in verdict["reason"]
    assert bool(verdict["console"]) == (kind != "pass")


def test_the_command_exits_with_1_and_prints_every_verdict(result: RunnerResult) -> None:
    assert result.status == 1
    assert len(result.verdicts) == len(EXPECTED)
