# SPDX-License-Identifier: BSD-2-Clause
"""Says what this machine lacks to build, run and test BPF programs, and which command mends it."""
