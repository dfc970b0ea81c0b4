# SPDX-License-Identifier: BSD-2-Clause
"""Tests of projects on kernels: what is built and run, in which order, in which processes."""
