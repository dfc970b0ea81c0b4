# SPDX-License-Identifier: BSD-2-Clause
"""Boot a kernel in a VM, run an eBPF program there and check that it sees its event."""
