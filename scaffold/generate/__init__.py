# SPDX-License-Identifier: BSD-2-Clause
"""Generating a project: render the template, make the first commit, and publish both in one step."""
