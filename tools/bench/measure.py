# SPDX-License-Identifier: BSD-2-Clause
"""Measure the time of whole processes in turns, and compare the ratios with their limits."""

import statistics
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

PROCESS_SECONDS = 900  # the limit for one process
LAYOUT = "{:40} {:>10}  {:>8}  {:7}  {}"
HEAD = LAYOUT.format("", "measured", "at most", "verdict", "computed from")


class Line(Protocol):
    """One result of a part: str() is what the benchmark prints."""

    @property
    def is_within_limit(self) -> bool:
        """Tell whether the figure is within its limit."""


@dataclass(frozen=True)
class Row:
    """One line of the table: a figure, its limit, and the values from which it was computed."""

    label: str
    figure: float
    limit: float
    source: str
    unit: str = ""

    @property
    def is_within_limit(self) -> bool:
        """Tell whether the figure is at most the limit."""
        return self.figure <= self.limit

    def __str__(self) -> str:
        figure, limit = f"{self.figure:.2f}{self.unit}", f"{self.limit:g}{self.unit}"
        verdict = "ok" if self.is_within_limit else "MISSED"
        return LAYOUT.format(self.label, figure, limit, verdict, self.source)


def seconds_of(command: Sequence[str | Path], environment: Mapping[str, str] | None = None) -> float:
    """Run `command` and return its time from start to end, in seconds.

    Raises:
        RuntimeError: it failed. The message contains the end of its output.
        subprocess.TimeoutExpired: it took longer than PROCESS_SECONDS.
    """
    start = time.perf_counter()
    done = subprocess.run(
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=PROCESS_SECONDS,
    )
    seconds = time.perf_counter() - start
    if done.returncode:
        raise RuntimeError(f"{command[0]} exited with status {done.returncode}: {(done.stdout + done.stderr)[-2000:]}")
    return seconds


def in_turns(runs: Mapping[str, Callable[[], float]], times: int) -> dict[str, float]:
    """Call each of `runs` `times` times, and return the median of its results.

    The runs alternate, so a slow phase of the machine slows all of them. Every second round has the opposite order, so
    no run always follows the same other one. The results of one more round at the start are discarded.
    """
    names = list(runs)
    for name in names:
        runs[name]()
    results: dict[str, list[float]] = {name: [] for name in names}
    for number in range(times):
        for name in names if number % 2 == 0 else reversed(names):
            results[name].append(runs[name]())
    return {name: statistics.median(values) for name, values in results.items()}


def ratio(label: str, ours: float, theirs: float, limit: float) -> Row:
    """Return the row for the ratio of two times, both in seconds."""
    return Row(label, ours / theirs, limit, f"{ours:.2f} s / {theirs:.2f} s")
