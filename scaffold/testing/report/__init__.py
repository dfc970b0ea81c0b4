# SPDX-License-Identifier: BSD-2-Clause
"""Reports of verdicts: terminal tables, JUnit, Markdown, an SVG heat map, and merged JSON results."""
