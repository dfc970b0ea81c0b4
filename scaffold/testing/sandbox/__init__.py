# SPDX-License-Identifier: BSD-2-Clause
"""A place in which other people's builds can do no harm: bubblewrap, and limits on what they take."""
