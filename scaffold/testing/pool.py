# SPDX-License-Identifier: BSD-2-Clause
"""A pool of worker processes, each of which does one task at a time: a task that crashes costs only itself.

The workers end with this process, whatever ends it. They end by an exception, so that the guests and temporary files of
their tasks are removed. The pool uses no thread, because a process with threads cannot be forked safely.
"""

import logging
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from types import FrameType
from typing import Generic, TypeVar

from scaffold.vmtest.processes import end_with_parent, signals_blocked

FORK = get_context("fork")
TERMINATION_SECONDS = 10.0  # from SIGTERM to SIGKILL
Task = TypeVar("Task")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Completed(Generic[Task, Result]):
    """A task that is complete, and its result."""

    task: Task
    result: Result


@dataclass(frozen=True)
class Crashed(Generic[Task]):
    """A task whose worker process ended, and how that process ended."""

    task: Task
    reason: str


@dataclass(frozen=True)
class Note:
    """A message for the user, such as a warning that a worker logged."""

    text: str


@dataclass
class _Worker(Generic[Task]):
    process: BaseProcess
    pipe: Connection
    task: Task


class WorkerPool(Generic[Task, Result]):
    """A pool that grows with the number of tasks at once. Use it as a context manager: workers end with the block."""

    def __init__(self, work: Callable[[Task], Result]) -> None:
        """Prepare to call `work`, which must not raise, with each task."""
        self._work = work
        self._busy: list[_Worker[Task]] = []
        self._idle: list[tuple[BaseProcess, Connection]] = []

    def __enter__(self) -> "WorkerPool[Task, Result]":
        return self

    def __exit__(self, *_: object) -> None:
        processes = [worker.process for worker in self._busy] + [process for process, _ in self._idle]
        for process in processes:
            process.terminate()
        for process in processes:
            process.join(TERMINATION_SECONDS)
            process.kill()
            process.join()

    @property
    def tasks(self) -> list[Task]:
        """Return the tasks that are being done."""
        return [worker.task for worker in self._busy]

    def submit(self, task: Task) -> None:
        """Start `task` at once, in an idle worker or a new one."""
        process, pipe = self._idle.pop() if self._idle else self._start_worker()
        self._busy.append(_Worker(process, pipe, task))
        pipe.send(task)

    def _start_worker(self) -> tuple[BaseProcess, Connection]:
        own_end, worker_end = FORK.Pipe()
        with signals_blocked():
            process = FORK.Process(target=_serve, args=(worker_end, self._work, os.getpid()), daemon=True)
            process.start()
            # Before signals are unblocked, so that Ctrl-C at this moment ends this worker too.
            self._idle.append((process, own_end))
        worker_end.close()
        return self._idle.pop()

    def wait(self, seconds: float) -> list[Completed[Task, Result] | Crashed[Task] | Note]:
        """Wait at most `seconds` until a worker reports or ends, and return all reports."""
        ready = wait([worker.pipe for worker in self._busy], seconds)
        return [self._receive(worker) for worker in list(self._busy) if worker.pipe in ready]

    def _receive(self, worker: _Worker[Task]) -> Completed[Task, Result] | Crashed[Task] | Note:
        try:
            message = worker.pipe.recv()
        except (EOFError, OSError):
            worker.process.join()
            self._busy.remove(worker)
            return Crashed(worker.task, f"the worker process ended with {_status(worker.process.exitcode or 0)}")
        if isinstance(message, Note):
            return message
        self._busy.remove(worker)
        self._idle.append((worker.process, worker.pipe))
        return Completed(worker.task, message)


def _status(exitcode: int) -> str:
    return signal.Signals(-exitcode).name if exitcode < 0 else f"exit status {exitcode}"


def _serve(pipe: Connection, work: Callable[[Task], Result], parent: int) -> None:
    # Ctrl-C must reach the parent alone, which then ends its workers.
    os.setsid()
    end_with_parent()
    if os.getppid() != parent:
        return
    signal.signal(signal.SIGTERM, _exit_on_signal)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    logging.basicConfig(handlers=[_PipeHandler(pipe)], level=logging.WARNING, force=True)
    while True:
        pipe.send(work(pipe.recv()))


def _exit_on_signal(signum: int, _frame: FrameType | None) -> None:
    sys.exit(128 + signum)


class _PipeHandler(logging.Handler):
    """Sends log messages to the parent, because only the parent writes to the terminal."""

    def __init__(self, pipe: Connection) -> None:
        super().__init__()
        self.pipe = pipe

    def emit(self, record: logging.LogRecord) -> None:
        self.pipe.send(Note(record.getMessage()))
