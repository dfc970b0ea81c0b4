# SPDX-License-Identifier: BSD-2-Clause
"""Where the tests find this repository."""

from pathlib import Path

ROOT = Path(__file__).parents[1]
