# SPDX-License-Identifier: BSD-2-Clause
"""What `ebpf-new course check` prints besides the verdicts."""

from collections import Counter

from scaffold.course.gradebook import Gradebook


def show_gradebook(gradebook: Gradebook, kept: int, in_json: bool) -> None:
    """Print where the gradebook is, how many repositories were built, and how many rows stood there before."""
    if in_json:
        return
    builds = Counter(row.build for row in gradebook.rows.values())
    words = ", ".join(f"{count} {build or 'unknown'}" for build, count in builds.most_common())
    before = f"; {kept} were there before" if kept else ""
    print(f"{gradebook.path}: {len(gradebook.rows)} repositories (builds: {words}){before}")
