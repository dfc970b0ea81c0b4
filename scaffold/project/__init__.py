# SPDX-License-Identifier: BSD-2-Clause
"""What a project consists of: its answers, the files that provide them, and the frameworks to choose from."""
