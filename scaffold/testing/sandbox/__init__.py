# SPDX-License-Identifier: BSD-2-Clause
"""Builds of untrusted projects, isolated by bubblewrap, seccomp and control groups."""
