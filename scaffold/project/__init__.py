# SPDX-License-Identifier: BSD-2-Clause
"""What a project is: its answers, where they come from, and the frameworks to choose from."""
