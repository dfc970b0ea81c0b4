# SPDX-License-Identifier: BSD-2-Clause
"""Verdicts for people and for machines: tables, JUnit, Markdown, a heat map."""
