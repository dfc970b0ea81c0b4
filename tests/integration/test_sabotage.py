# SPDX-License-Identifier: BSD-2-Clause
"""Sabotaged projects among sound ones, all in one command: each fault is found, and harms nobody else.

The BPF program is the same in all frameworks; what is done to the loader stands in sabotage/FRAMEWORK.toml.
"""

import shutil
import tomllib
from pathlib import Path
from typing import Any

import pytest

from tests.integration.engine import EngineRun, run_test
from tests.integration.repositories import framework_of

KERNEL = "6.1"
SECONDS = 8  # for a run in the guest: what hangs is given up then
FILTER = "if (pid_filter && pid != pid_filter)"
IN_THE_PROGRAM = {
    "changed-message": ("BPF triggered", "BPF noticed"),
    "ignored-filter": (FILTER, "if (pid_filter && pid < 0)"),
    "verifier-refuses": (FILTER, "if (*(volatile int *)(long)pid)"),
}
EXPECTED = {
    "sound": ("pass", ""),
    "changed-message": ("fail", "no event of PID"),
    "ignored-filter": ("fail", "an event of another process was seen"),
    "verifier-refuses": ("fail", "the kernel rejected the BPF program"),
    "pinned": ("fail", "BPF programs stayed loaded"),
    "endless-loop": ("timeout", "the program to exit on SIGINT"),
    "fork-bomb": ("timeout", "it was waiting for"),
    "panic": ("panic", "the guest's kernel panicked"),
}


def sabotaged(project: Path, fault: str, directory: Path) -> Path:
    """Copy the sound `project` into `directory` and do to it what `fault` says."""
    copy = directory / fault
    shutil.copytree(project, copy, symlinks=True)
    if EXPECTED[fault][0] == "timeout":
        replace_once(copy / "test/vmtest.toml", "seconds = 30", f"seconds = {SECONDS}")
    if fault in IN_THE_PROGRAM:
        (file,) = copy.glob("src/*.bpf.c")
        replace_once(file, *IN_THE_PROGRAM[fault])
    elif fault != "sound":
        table = loader_faults(framework_of(project))
        replace_once(copy / table["file"], table["wait"], table[fault])
    return copy


def loader_faults(framework: str) -> dict[str, Any]:
    """What sabotage/FRAMEWORK.toml says."""
    return tomllib.loads((Path(__file__).parent / "sabotage" / f"{framework}.toml").read_text())


def replace_once(file: Path, old: str, new: str) -> None:
    """Replace `old`, which must stand in `file` exactly once."""
    text = file.read_text()
    assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {file}"
    file.write_text(text.replace(old, new))


@pytest.fixture(scope="module")
def outcome(built: Path, tmp_path_factory: pytest.TempPathFactory) -> EngineRun:
    """Return what one command says of a framework's projects, one for each fault."""
    directory = tmp_path_factory.mktemp("sabotage")
    projects = [sabotaged(built, fault, directory) for fault in EXPECTED]
    return run_test(*projects, kernels=[KERNEL])


@pytest.mark.parametrize("fault", EXPECTED)
def test_each_fault_has_its_verdict(outcome: EngineRun, fault: str) -> None:
    (verdict,) = [each for each in outcome.verdicts if Path(each["project"]).name == fault]
    kind, reason = EXPECTED[fault]
    assert (verdict["verdict"], verdict["kernel"]) == (kind, KERNEL), verdict
    assert reason in verdict["reason"]
    assert bool(verdict["console"]) == (kind != "pass")


def test_the_command_fails_with_the_program(outcome: EngineRun) -> None:
    assert outcome.status == 1
    assert len(outcome.verdicts) == len(EXPECTED)
