# SPDX-License-Identifier: BSD-2-Clause
"""Test projects on kernels: select them, build them, run them in guests, and report the results."""
