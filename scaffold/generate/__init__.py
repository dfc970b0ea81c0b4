# SPDX-License-Identifier: BSD-2-Clause
"""From checked answers to a rendered and committed repository."""
