# SPDX-License-Identifier: BSD-2-Clause
"""Tasks in processes of their own: whatever becomes of one costs only that one."""

import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from scaffold.testing.pool import Done, Lost, Note, WorkerPool
from tests.integration.processes import processes_of

SECONDS = 30


def reports(workers: WorkerPool[str, str], count: int) -> Iterator[Done[str, str] | Lost[str] | Note]:
    """Give the next `count` reports."""
    deadline = time.monotonic() + SECONDS
    while count > 0:
        assert time.monotonic() < deadline
        for report in workers.wait(1):
            yield report
            count -= 1


def answers(task: str) -> str:
    if task == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    if task == "leave":
        sys.exit(3)
    if task == "warn":
        logging.getLogger("vmtest").warning("take %s", "care")
    if task == "stay":
        time.sleep(SECONDS * 10)
    return f"{task}, {os.getpid()}"


def test_a_worker_takes_one_task_after_another() -> None:
    with WorkerPool(answers) as workers:
        for _ in range(2):
            workers.give("a")
            (done,) = reports(workers, 1)
            assert isinstance(done, Done)
            process = done.result
            assert str(os.getpid()) not in process
        workers.give("a")
        workers.give("b")
        assert sorted(workers.tasks) == ["a", "b"]
        both = [report.result for report in reports(workers, 2) if isinstance(report, Done)]
        assert len(set(both)) == 2 and process in both


def test_a_task_that_takes_its_worker_along_costs_only_itself() -> None:
    with WorkerPool(answers) as workers:
        for task in ("a", "die", "leave", "b"):
            workers.give(task)
        found = {report.task: report for report in reports(workers, 4) if not isinstance(report, Note)}
        assert isinstance(found["a"], Done) and isinstance(found["b"], Done)
        assert found["die"] == Lost("die", "the process that did it ended with SIGKILL")
        assert found["leave"] == Lost("leave", "the process that did it ended with exit status 3")


def test_a_warning_comes_to_the_parent() -> None:
    with WorkerPool(answers) as workers:
        workers.give("warn")
        note, done = reports(workers, 2)
        assert note == Note("take care") and isinstance(done, Done)


class Stays:
    """Work that lasts, with something to be taken away at its end."""

    def __init__(self, place: Path) -> None:
        self.place = place

    def __call__(self, task: str) -> str:
        try:
            (self.place / task).touch()
            time.sleep(SECONDS * 10)
        finally:
            (self.place / task).unlink()
        return task


def until(condition: Callable[[], bool]) -> None:
    """Wait until `condition` holds."""
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_the_end_of_the_block_ends_what_is_being_done(tmp_path: Path) -> None:
    with WorkerPool(Stays(tmp_path)) as workers:
        workers.give("a")
        workers.give("b")
        until(lambda: len(list(tmp_path.iterdir())) == 2)
    assert list(tmp_path.iterdir()) == []


PARENT = """
import sys, time
sys.path[:0] = [{root!r}]
from pathlib import Path
from scaffold.testing.pool import WorkerPool
from tests.unit.testing.test_pool import Stays
with WorkerPool(Stays(Path(sys.argv[1]))) as workers:
    workers.give("a")
    while True:
        workers.wait(1)
"""


def test_workers_end_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    script = PARENT.format(root=str(Path(__file__).parents[3]))
    marked = {**os.environ, "WORKERS_TEST": str(tmp_path)}
    with subprocess.Popen([sys.executable, "-c", script, tmp_path], env=marked) as parent:
        until(lambda: list(tmp_path.iterdir()) != [])
        assert len(processes_of(str(tmp_path))) == 2
        parent.kill()
    until(lambda: processes_of(str(tmp_path)) == [])
