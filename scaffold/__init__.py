# SPDX-License-Identifier: BSD-2-Clause
"""ebpf-new: makes eBPF starter repositories and proves that they run."""

__version__ = "0.1.0.dev0"
