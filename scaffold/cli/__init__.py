# SPDX-License-Identifier: BSD-2-Clause
"""The command line: each module declares one command, calls one function, and prints what it returns."""
