# SPDX-License-Identifier: BSD-2-Clause
"""`make watch`: the time from a save to the verdict, which the author of a BPF program waits for.

How it is measured: a libbpf project of `ebpf-new`, on the first kernel of its list, with a saved guest, as there is
from the second run on. The clock starts when the file has its new content, and stops when the line with the verdict
is printed. After each save, make compiles the BPF program and the loader again.
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

from tools.bench.machines import create_project
from tools.bench.measure import Row

SAVES = 9
MAX_SECONDS = 2


def measure_watch(directory: Path) -> list[Row]:
    """Return the row for the time from a save to its verdict."""
    project = create_project(directory)
    program = project / "src" / "minimal.bpf.c"
    text = program.read_text()
    seconds = []
    with _watch(project) as output:
        _wait_for_pass(output)
        for number in range(SAVES):
            time.sleep(1)  # the watch must also poll while nothing changes
            program.write_text(f"{text}// Save {number}.\n")
            start = time.perf_counter()
            _wait_for_pass(output)
            seconds.append(time.perf_counter() - start)
    spread = f"median of {SAVES}, {min(seconds):.2f} to {max(seconds):.2f} s"
    return [Row("make watch, libbpf: save to verdict", statistics.median(seconds), MAX_SECONDS, spread, " s")]


@contextmanager
def _watch(project: Path) -> Iterator[IO[str]]:
    """Run `make watch` for the duration of the block, and yield its output."""
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


def _wait_for_pass(output: IO[str]) -> None:
    """Read up to the next verdict.

    Raises:
        RuntimeError: the verdict is not PASS, or the output ended before it.
    """
    lines = []
    for line in output:
        lines.append(line)
        if line.startswith("PASS"):
            return
        if line.startswith(("FAIL", "ERROR", "TIMEOUT", "PANIC")):
            break
    raise RuntimeError(f"make watch did not pass: {''.join(lines)}")
