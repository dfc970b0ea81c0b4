# SPDX-License-Identifier: BSD-2-Clause
"""Tasks run in worker processes, and a task that crashes costs only itself."""

import logging
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from scaffold.testing.pool import Completed, Crashed, Note, WorkerPool

SECONDS = 30


def reports(workers: WorkerPool[str, str], count: int) -> Iterator[Completed[str, str] | Crashed[str] | Note]:
    """Yield the next `count` reports."""
    deadline = time.monotonic() + SECONDS
    while count > 0:
        assert time.monotonic() < deadline
        for report in workers.wait(1):
            yield report
            count -= 1


def work(task: str) -> str:
    if task == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    if task == "leave":
        sys.exit(3)
    if task == "warn":
        logging.getLogger("vmtest").warning("take %s", "care")
    return f"{task}, {os.getpid()}"


def test_a_worker_does_one_task_after_another() -> None:
    with WorkerPool(work) as workers:
        for _ in range(2):
            workers.submit("a")
            (done,) = reports(workers, 1)
            assert isinstance(done, Completed)
            process = done.result
            assert str(os.getpid()) not in process
        workers.submit("a")
        workers.submit("b")
        assert sorted(workers.tasks) == ["a", "b"]
        both = [report.result for report in reports(workers, 2) if isinstance(report, Completed)]
        assert len(set(both)) == 2 and process in both


def test_a_task_that_crashes_costs_only_itself() -> None:
    with WorkerPool(work) as workers:
        for task in ("a", "die", "leave", "b"):
            workers.submit(task)
        found = {report.task: report for report in reports(workers, 4) if not isinstance(report, Note)}
        assert isinstance(found["a"], Completed) and isinstance(found["b"], Completed)
        died, left = found["die"], found["leave"]
        assert isinstance(died, Crashed) and died.reason.endswith("SIGKILL")
        assert isinstance(left, Crashed) and left.reason.endswith("exit status 3")


def test_a_warning_is_sent_to_the_parent() -> None:
    with WorkerPool(work) as workers:
        workers.submit("warn")
        note, done = reports(workers, 2)
        assert note == Note("take care") and isinstance(done, Completed)


class LongWork:
    """Work that does not end, and a file in `directory` that is removed at its end."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def __call__(self, task: str) -> str:
        try:
            (self.directory / task).touch()
            time.sleep(SECONDS * 10)
        finally:
            (self.directory / task).unlink()
        return task


def wait_until(condition: Callable[[], bool]) -> None:
    """Wait until `condition` is true."""
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_the_end_of_the_block_ends_all_tasks(tmp_path: Path) -> None:
    with WorkerPool(LongWork(tmp_path)) as workers:
        workers.submit("a")
        workers.submit("b")
        wait_until(lambda: len(list(tmp_path.iterdir())) == 2)
    assert list(tmp_path.iterdir()) == []
