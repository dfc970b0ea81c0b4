# SPDX-License-Identifier: BSD-2-Clause
"""Newer templates for a project that was generated earlier, merged with the user's changes."""
