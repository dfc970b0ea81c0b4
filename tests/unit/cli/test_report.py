# SPDX-License-Identifier: BSD-2-Clause
"""`ebpf-new report`: its output and exit status. tests/unit/testing/report checks what is merged."""

from pathlib import Path

import pytest

from scaffold.vmtest.verdict import Outcome, Verdict, as_json
from tests.conftest import Command

PASSED = Verdict("hello", "libbpf", "6.1", "amd64", verdict=Outcome.PASS)
FAILED = Verdict("world", "libbpf", "6.1", "amd64", verdict=Outcome.FAIL, reason="no event of PID 7")


@pytest.fixture
def results(tmp_path: Path) -> Path:
    path = tmp_path / "results"
    path.write_text("".join(f"{as_json(verdict)}\n" for verdict in (PASSED, FAILED)))
    return path


def test_text_has_a_table_and_the_failures(ebpf_new: Command, results: Path) -> None:
    done = ebpf_new("report", "merge", str(results))
    assert (done.returncode, done.stderr) == (1, "")
    assert all(text in done.stdout for text in ("hello", "world", "no event of PID 7"))


def test_json_has_the_verdicts_alone(ebpf_new: Command, results: Path) -> None:
    done = ebpf_new("report", "merge", str(results), "--json")
    assert (done.returncode, done.stdout) == (1, results.read_text())


def test_missing_verdicts(ebpf_new: Command, results: Path) -> None:
    done = ebpf_new("report", "merge", str(results), "--expect", "3")
    assert done.returncode == 69
    assert done.stderr.startswith("error: ") and "hello" in done.stdout
