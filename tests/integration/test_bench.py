# SPDX-License-Identifier: BSD-2-Clause
"""The processes that `make bench` measures."""

import sys

import pytest

from tools.bench.measure import seconds_of


def test_failed_process_is_not_measured() -> None:
    with pytest.raises(RuntimeError, match="exited with status 3: oh no"):
        seconds_of([sys.executable, "-c", "print('oh no'); raise SystemExit(3)"])
