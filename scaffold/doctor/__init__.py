# SPDX-License-Identifier: BSD-2-Clause
"""Checks that a machine can build, run and test BPF programs. It reports each problem with the command that fixes it.

It changes nothing. It uses only the standard library, because every generated repository contains a copy.
"""
