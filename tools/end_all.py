# SPDX-License-Identifier: BSD-2-Clause
"""Run a command, and kill all processes that it started when it ends: `python3 tools/end_all.py COMMAND...`.

A PID namespace would do the same, but its pids differ from those that BPF programs see.
"""

import ctypes
import os
import signal
import subprocess
import sys
from pathlib import Path

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36


def main() -> int:
    """Run the command and return its exit status. SIGTERM and the end of the parent process end the command early."""
    libc = ctypes.CDLL(None)
    libc.prctl(PR_SET_CHILD_SUBREAPER, 1)
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        return _wait_for(subprocess.Popen(sys.argv[1:]))
    finally:
        _end_children()


def _wait_for(command: subprocess.Popen[bytes]) -> int:
    """Return the command's exit status. Orphans become children of this process, which reaps them too."""
    while command.returncode is None:
        pid, status = os.wait()
        if pid == command.pid:
            command.returncode = os.waitstatus_to_exitcode(status)
    return command.returncode


def _end_children() -> None:
    """Kill the children until none is left: the children of a killed process become children of this one."""
    children = Path(f"/proc/self/task/{os.getpid()}/children")
    while pids := children.read_text().split():
        for pid in pids:
            os.kill(int(pid), signal.SIGKILL)
            os.waitpid(int(pid), 0)


if __name__ == "__main__":
    sys.exit(main())
