# SPDX-License-Identifier: BSD-2-Clause
"""The test run itself: what takes minutes to make is made by one worker, for all tests that need it."""

import subprocess
import sys
from pathlib import Path

TESTS = """
import os
import pytest

@pytest.mark.parametrize("number", range(4))
@pytest.mark.parametrize("group", [pytest.param(name, marks=pytest.mark.xdist_group(name)) for name in "ab"])
def test_it(group, number):
    with open(group, "a") as file:
        print(os.environ["PYTEST_XDIST_WORKER"], file=file)
"""


def test_tests_of_one_group_run_on_one_worker(tmp_path: Path) -> None:
    # pytest-xdist once lost the groups without a word, when pytest changed beneath it.
    (tmp_path / "test_groups.py").write_text(TESTS)
    command = [sys.executable, "-m", "pytest", "--numprocesses", "2", "--dist", "loadgroup", "--rootdir", "."]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    workers = [(tmp_path / group).read_text().split() for group in "ab"]
    assert [(len(each), len(set(each))) for each in workers] == [(4, 1), (4, 1)]
