# SPDX-License-Identifier: BSD-2-Clause
"""Measures ebpf-new against what else there is, on the machine it runs on."""
