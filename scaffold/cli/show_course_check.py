# SPDX-License-Identifier: BSD-2-Clause
"""What `ebpf-new course check` prints after the verdicts."""

from collections import Counter

from scaffold.course.gradebook import Gradebook


def show_gradebook(gradebook: Gradebook, kept: int, as_json: bool) -> None:
    """Print the gradebook's path, the repositories by state of their build, and how many rows --resume kept."""
    if as_json:
        return
    builds = Counter(row.build for row in gradebook.rows.values())
    counts = ", ".join(f"{count} {build or 'unknown'}" for build, count in builds.most_common())
    resumed = f"; kept {kept} from the earlier check" if kept else ""
    print(f"{gradebook.path}: {len(gradebook.rows)} repositories (builds: {counts}){resumed}")
