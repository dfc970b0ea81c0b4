# SPDX-License-Identifier: BSD-2-Clause
"""Render tests check the files of generated repositories, with the linters of each language on PATH."""

import tests.toolchains  # noqa: F401
