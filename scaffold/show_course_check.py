# SPDX-License-Identifier: BSD-2-Clause
"""What `ebpf-new course check` prints besides the verdicts."""

import sys
from collections import Counter

from scaffold.course.gradebook import Gradebook


def say(text: str) -> None:
    """Tell on stderr what takes a while."""
    print(f"ebpf-new: {text}", file=sys.stderr, flush=True)


def show_gradebook(gradebook: Gradebook, kept: int, in_json: bool) -> None:
    """Print where the gradebook is, how many repositories were built, and how many rows stood there before."""
    if in_json:
        return
    builds = Counter(row.build for row in gradebook.rows.values())
    words = ", ".join(f"{count} {build or 'unknown'}" for build, count in builds.most_common())
    before = f"; {kept} were there before" if kept else ""
    print(f"{gradebook.path}: {len(gradebook.rows)} repositories (builds: {words}){before}")
