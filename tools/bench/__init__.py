# SPDX-License-Identifier: BSD-2-Clause
"""Compare the speed and the memory of ebpf-new with those of other tools, on this machine."""
