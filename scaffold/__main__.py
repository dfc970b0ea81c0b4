# SPDX-License-Identifier: BSD-2-Clause
"""`python -m scaffold` is the command `ebpf-new`."""

from scaffold.cli import main

main()
