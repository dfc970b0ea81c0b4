# SPDX-License-Identifier: BSD-2-Clause
"""Write the report files of a test, even if the test is interrupted."""

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

from scaffold.errors import UsageError
from scaffold.testing.report.heatmap import write_heatmap
from scaffold.testing.report.junit import write_junit
from scaffold.testing.report.markdown import append_summary, write_summary
from scaffold.vmtest.verdict import Verdict


@dataclass
class Outputs:
    """Writes a report of `verdicts` to each of the given files at the end of the block. Use it as a context manager.

    In a GitHub Actions job, the summary is also appended to that of the job. Each report contains the number of missing
    verdicts, so that an interrupted or incomplete test does not look like a success.
    """

    junit: Path | None = None
    summary: Path | None = None
    heatmap: Path | None = None
    expected: int | None = None  # number of verdicts
    verdicts: list[Verdict] = field(default_factory=list)

    @property
    def missing(self) -> int:
        """Return how many of the expected verdicts do not exist."""
        return max(0, (self.expected or 0) - len(self.verdicts))

    def __enter__(self) -> "Outputs":
        """Check that the files can be created, before the test instead of after it.

        Raises:
            UsageError: the directory of a file does not exist.
        """
        for option, path in (("junit", self.junit), ("summary", self.summary), ("heatmap", self.heatmap)):
            if path and not path.parent.is_dir():
                raise UsageError(f"--{option} {path}: directory not found: {path.parent}", hint="create the directory")
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        job_summary = Path(os.environ["GITHUB_STEP_SUMMARY"]) if os.environ.get("GITHUB_STEP_SUMMARY") else None
        is_same = job_summary and self.summary and self.summary.resolve() == job_summary.resolve()
        summary = None if is_same else self.summary
        writers: list[tuple[Path | None, Callable[[list[Verdict], Path, int], None]]] = [
            (self.junit, write_junit),
            (summary, write_summary),
            (self.heatmap, write_heatmap),
            (job_summary, append_summary),
        ]
        for path, write in writers:
            if path:
                write(self.verdicts, path, self.missing)
