# SPDX-License-Identifier: BSD-2-Clause
"""Processes that each do one task at a time, so that whatever becomes of a task costs only that one.

They end with this process, whatever ends it, and leave what they do by an exception, so that guests and half-made
files go with them. There is no thread here: a process with threads cannot be forked safely.
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
SECONDS_TO_END = 10.0
Task = TypeVar("Task")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Done(Generic[Task, Result]):
    """A task that came to its end."""

    task: Task
    result: Result


@dataclass(frozen=True)
class Lost(Generic[Task]):
    """A task that took its worker along, and how that ended."""

    task: Task
    reason: str


@dataclass(frozen=True)
class Note:
    """A warning that a worker gave meanwhile."""

    text: str


@dataclass
class _Worker(Generic[Task]):
    process: BaseProcess
    pipe: Connection
    task: Task


class WorkerPool(Generic[Task, Result]):
    """As many processes as tasks are given at once. Use it as a context manager: they end with the block."""

    def __init__(self, work: Callable[[Task], Result]) -> None:
        """Prepare to call `work` with each task; it should raise nothing."""
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
            process.join(SECONDS_TO_END)
            process.kill()
            process.join()

    @property
    def tasks(self) -> list[Task]:
        """Return what is being done now."""
        return [worker.task for worker in self._busy]

    def give(self, task: Task) -> None:
        """Start on `task` at once, in a process that has nothing to do or a new one."""
        process, pipe = self._idle.pop() if self._idle else self._start()
        self._busy.append(_Worker(process, pipe, task))
        pipe.send(task)

    def _start(self) -> tuple[BaseProcess, Connection]:
        here, there = FORK.Pipe()
        with signals_blocked():
            process = FORK.Process(target=_serve, args=(there, self._work, os.getpid()), daemon=True)
            process.start()
            # Known from its first moment, or Ctrl-C would leave it to its fate.
            self._idle.append((process, here))
        there.close()
        return self._idle.pop()

    def wait(self, seconds: float) -> list[Done[Task, Result] | Lost[Task] | Note]:
        """Wait until a worker reports or ends, `seconds` at most, and return what there is."""
        ready = wait([worker.pipe for worker in self._busy], seconds)
        return [self._receive(worker) for worker in list(self._busy) if worker.pipe in ready]

    def _receive(self, worker: _Worker[Task]) -> Done[Task, Result] | Lost[Task] | Note:
        try:
            message = worker.pipe.recv()
        except (EOFError, OSError):
            worker.process.join()
            self._busy.remove(worker)
            return Lost(worker.task, f"the process that did it ended with {_status(worker.process.exitcode or 0)}")
        if isinstance(message, Note):
            return message
        self._busy.remove(worker)
        self._idle.append((worker.process, worker.pipe))
        return Done(worker.task, message)


def _status(exitcode: int) -> str:
    return signal.Signals(-exitcode).name if exitcode < 0 else f"exit status {exitcode}"


def _serve(pipe: Connection, work: Callable[[Task], Result], parent: int) -> None:
    # Ctrl-C goes to everything on the terminal; only the parent is to answer it, by ending its workers.
    os.setsid()
    end_with_parent()
    if os.getppid() != parent:
        return
    signal.signal(signal.SIGTERM, _leave)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    logging.basicConfig(handlers=[_NoteHandler(pipe)], level=logging.WARNING, force=True)
    while True:
        pipe.send(work(pipe.recv()))


def _leave(signum: int, _frame: FrameType | None) -> None:
    sys.exit(128 + signum)


class _NoteHandler(logging.Handler):
    """Sends what is logged to the parent, which alone writes on the terminal."""

    def __init__(self, pipe: Connection) -> None:
        super().__init__()
        self.pipe = pipe

    def emit(self, record: logging.LogRecord) -> None:
        self.pipe.send(Note(record.getMessage()))
