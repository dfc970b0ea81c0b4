# SPDX-License-Identifier: BSD-2-Clause
"""The files that a user asks for besides what is printed, written whatever ends the run."""

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
    """Writes the verdicts that were added to `verdicts`, at the end of the block; None is a file not asked for.

    In a job of GitHub Actions the summary is added to that of the job too. Each file says how many verdicts there are
    less than `expected`: what was ended early, or has lost a part, must not look as if all had passed.
    """

    junit: Path | None = None
    summary: Path | None = None
    heatmap: Path | None = None
    expected: int | None = None
    verdicts: list[Verdict] = field(default_factory=list)

    @property
    def missing(self) -> int:
        """Return how many verdicts are expected beside those that are there."""
        return max(0, (self.expected or 0) - len(self.verdicts))

    def __enter__(self) -> "Outputs":
        """Complain now rather than after an hour of tests.

        Raises:
            UsageError: there is no directory for one of the files.
        """
        for option, path in (("junit", self.junit), ("summary", self.summary), ("heatmap", self.heatmap)):
            if path and not path.parent.is_dir():
                raise UsageError(f"--{option} {path}: there is no directory {path.parent}: make it first")
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _at: TracebackType | None
    ) -> None:
        job = Path(os.environ["GITHUB_STEP_SUMMARY"]) if os.environ.get("GITHUB_STEP_SUMMARY") else None
        own = self.summary if not job or not self.summary or self.summary.resolve() != job.resolve() else None
        writers: list[tuple[Path | None, Callable[[list[Verdict], Path, int], None]]] = [
            (self.junit, write_junit), (own, write_summary), (self.heatmap, write_heatmap), (job, append_summary)
        ]  # fmt: skip
        for path, write in writers:
            if path:
                write(self.verdicts, path, self.missing)
