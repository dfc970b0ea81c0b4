# SPDX-License-Identifier: BSD-2-Clause
"""The command line: one module for each command. A command parses its arguments, calls one function and prints."""
