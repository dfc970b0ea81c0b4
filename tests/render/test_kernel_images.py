# SPDX-License-Identifier: BSD-2-Clause
"""A kernel is extracted whichever program has compressed it."""

import subprocess
from pathlib import Path

import pytest

from tests.kernel_images import KERNEL, check_extraction


@pytest.mark.parametrize("command", [["lz4", "-l"], ["zstd"]], ids=["lz4", "zstd"])
def test_extraction_by_compression(command: list[str], tmp_path: Path) -> None:
    completed = subprocess.run([*command, "-c"], input=KERNEL, stdout=subprocess.PIPE, check=True)
    check_extraction(completed.stdout, tmp_path)
