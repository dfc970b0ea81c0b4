# SPDX-License-Identifier: BSD-2-Clause
"""Child processes that end with their parent, even if the parent is killed.

Source: prctl(2), PR_SET_PDEATHSIG.
"""

import ctypes
import os
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

PR_SET_PDEATHSIG = 1
TERMINATION_SIGNALS = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}
_libc = ctypes.CDLL(None)


def end_with_parent() -> None:
    """Ask the kernel to kill this process when its parent ends."""
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


@contextmanager
def signals_blocked() -> Iterator[set[int]]:
    """Delay the signals that end this process until the end of the block; yield those that were already blocked.

    A fork needs this: Python calls functions around it, and loses an exception that a signal handler raises there.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, TERMINATION_SIGNALS)
    try:
        yield set(before)  # of numbers, because real-time signals have no name in signal.Signals
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def start(command: Sequence[str], **options: Any) -> subprocess.Popen[Any]:
    """Start `command` with the options of subprocess.Popen. It ends with this process at the latest."""
    parent = os.getpid()
    with signals_blocked() as before:

        def prepare() -> None:
            end_with_parent()
            if os.getppid() != parent:
                os._exit(1)
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

        return subprocess.Popen(command, preexec_fn=prepare, **options)


def run(command: Sequence[str], cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run `command` until it ends and return its exit status and output; kill it if this process is interrupted."""
    pipe = subprocess.PIPE
    with start(command, cwd=cwd, text=True, stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe) as process:
        try:
            stdout, stderr = process.communicate()
        except BaseException:
            process.kill()
            raise
    return subprocess.CompletedProcess(command, process.returncode, stdout, stderr)
