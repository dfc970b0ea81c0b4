# SPDX-License-Identifier: BSD-2-Clause
"""Children that do not outlive their parent, even one that is killed outright.

Source: prctl(2), PR_SET_PDEATHSIG.
"""

import ctypes
import os
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None)


def start(command: Sequence[str], **options: Any) -> subprocess.Popen[Any]:
    """Start `command`, with the options of subprocess.Popen, so that it ends with this process at the latest.

    Ctrl-C and SIGTERM wait meanwhile: Python calls functions around a fork, and loses an exception in one of them.
    """
    parent = os.getpid()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT, signal.SIGTERM])

    def prepare() -> None:
        _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)
        signal.pthread_sigmask(signal.SIG_SETMASK, before)

    try:
        return subprocess.Popen(command, preexec_fn=prepare, **options)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def run(command: Sequence[str], cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run `command` to its end, or kill it when this process is interrupted; return what it printed."""
    pipe = subprocess.PIPE
    with start(command, cwd=cwd, text=True, stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe) as process:
        try:
            printed, complained = process.communicate()
        except BaseException:
            process.kill()
            raise
    return subprocess.CompletedProcess(command, process.returncode, printed, complained)
