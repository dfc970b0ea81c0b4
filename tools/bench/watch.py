# SPDX-License-Identifier: BSD-2-Clause
"""`make watch`: from a save to the verdict, as somebody sees it who edits the BPF program.

What makes it fair: a libbpf project as `ebpf-new` makes it, the first kernel of its list, the guest saved before, as
it is from the second run on. The clock starts when the file has its new text, and stops when the line with the
verdict is there to read. After each save make compiles the BPF program and the loader anew.
"""

import os
import signal
import statistics
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from tools.bench.machines import made_project
from tools.bench.measure import Row

SAVES = 9
BAR = 2  # seconds


def measure_watch(directory: Path) -> list[Row]:
    """Return the row of the time from a save to its verdict."""
    project = made_project(directory)
    program = project / "src" / "minimal.bpf.c"
    text = program.read_text()
    taken = []
    with _watched(project) as said:
        _wait_for_pass(said)
        for number in range(SAVES):
            time.sleep(1)  # as long as nobody saves: the watch looks, and nothing has changed
            program.write_text(f"{text}// Save {number}.\n")
            began = time.perf_counter()
            _wait_for_pass(said)
            taken.append(time.perf_counter() - began)
    spread = f"median of {SAVES}, {min(taken):.2f} to {max(taken):.2f} s"
    return [Row("make watch, libbpf: save to verdict", statistics.median(taken), BAR, spread, " s")]


@contextmanager
def _watched(project: Path) -> Iterator[IO[str]]:
    """Yield what `make watch` prints, for the time of the block."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("MAKE")}
    with subprocess.Popen(
        ["make", "watch"], cwd=project, env=environment,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
    ) as process:  # fmt: skip
        assert process.stdout
        try:
            yield process.stdout
        finally:
            os.killpg(process.pid, signal.SIGTERM)


def _wait_for_pass(said: IO[str]) -> None:
    """Read up to the next verdict.

    Raises:
        RuntimeError: it is not PASS, or there is none.
    """
    lines = []
    for line in said:
        lines.append(line)
        if line.startswith("PASS"):
            return
        if line.startswith(("FAIL", "ERROR", "TIMEOUT", "PANIC")):
            break
    raise RuntimeError(f"make watch did not pass: {''.join(lines)}")
