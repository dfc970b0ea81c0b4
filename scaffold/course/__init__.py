# SPDX-License-Identifier: BSD-2-Clause
"""Courses: one repository for each row of a roster, their index, and the gradebook of their checks."""
