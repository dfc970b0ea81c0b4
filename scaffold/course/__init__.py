# SPDX-License-Identifier: BSD-2-Clause
"""A course: a repository for each row of a roster, and the record of them."""
