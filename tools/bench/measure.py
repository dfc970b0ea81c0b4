# SPDX-License-Identifier: BSD-2-Clause
"""Times whole processes in turns, and holds their ratios against bars."""

import statistics
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

LIMIT = 900  # seconds for one process
LAYOUT = "{:40} {:>10}  {:>8}  {:7}  {}"
HEAD = LAYOUT.format("", "measured", "at most", "verdict", "made from")


class Line(Protocol):
    """What a part of the benchmark reports."""

    @property
    def holds(self) -> bool:
        """Say whether it is as it was promised."""


@dataclass(frozen=True)
class Row:
    """One line of the table: a figure, the highest that is allowed, and what it was made from."""

    what: str
    figure: float
    bar: float
    made_from: str
    unit: str = ""

    @property
    def holds(self) -> bool:
        """Say whether the figure is at most the bar."""
        return self.figure <= self.bar

    def __str__(self) -> str:
        figure, bar = f"{self.figure:.2f}{self.unit}", f"{self.bar:g}{self.unit}"
        verdict = "holds" if self.holds else "MISSED"
        return LAYOUT.format(self.what, figure, bar, verdict, self.made_from)


def seconds_of(command: Sequence[str | Path], environment: Mapping[str, str] | None = None) -> float:
    """Run `command` and return how long it took, in seconds, from its start to its end.

    Raises:
        RuntimeError: it failed; the message holds the end of what it printed.
        subprocess.TimeoutExpired: it took longer than LIMIT.
    """
    began = time.perf_counter()
    done = subprocess.run(
        command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=LIMIT
    )
    took = time.perf_counter() - began
    if done.returncode:
        raise RuntimeError(f"{command[0]} ended with {done.returncode}: {(done.stdout + done.stderr)[-2000:]}")
    return took


def in_turns(runs: Mapping[str, Callable[[], float]], times: int) -> dict[str, float]:
    """Call each of `runs` `times` times and return the median of what each returned.

    They take turns, and every second round goes backwards: what slows the machine down for a while
    slows all of them, and none always has the same one before it. A first round is thrown away.
    """
    names = list(runs)
    for name in names:
        runs[name]()
    taken: dict[str, list[float]] = {name: [] for name in names}
    for number in range(times):
        for name in names if number % 2 == 0 else reversed(names):
            taken[name].append(runs[name]())
    return {name: statistics.median(values) for name, values in taken.items()}


def ratio(what: str, ours: float, theirs: float, bar: float) -> Row:
    """Return the row for two times in seconds."""
    return Row(what, ours / theirs, bar, f"{ours:.2f} s / {theirs:.2f} s")
