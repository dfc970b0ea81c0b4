# SPDX-License-Identifier: BSD-2-Clause
"""Boot a kernel in a VM, run an eBPF program there, and say whether its event was seen."""
