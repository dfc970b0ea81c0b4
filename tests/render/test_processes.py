# SPDX-License-Identifier: BSD-2-Clause
"""Child processes end with their parent, and a signal is not lost while one is started."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# Sends the signal in a hook that Python calls before a fork; `logging` has hooks around a fork too.
INTERRUPTED = """
import os, signal, sys
from scaffold.vmtest import processes
signal.signal(signal.SIGTERM, signal.default_int_handler)
signum = int(sys.argv[1])
os.register_at_fork(before=lambda: os.kill(os.getpid(), signum))
try:
    processes.run(["true"])
except KeyboardInterrupt:
    print("interrupted")
"""
KILLED = """
import sys, time
from scaffold.vmtest import processes
print(processes.start(["sleep", "60"]).pid, flush=True)
time.sleep(60)
"""


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_during_a_fork_is_not_lost(signum: signal.Signals) -> None:
    command = [sys.executable, "-c", INTERRUPTED, str(int(signum))]
    completed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (completed.returncode, completed.stdout, completed.stderr) == (0, "interrupted\n", "")


def test_a_child_does_not_inherit_blocked_signals() -> None:
    blocked = "import signal; print(signal.pthread_sigmask(signal.SIG_BLOCK, []))"
    run = f"processes.run([sys.executable, '-c', {blocked!r}]).stdout"
    script = f"import sys; from scaffold.vmtest import processes; print({run})"
    completed = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert completed.stdout.strip() == "set()"


def test_a_child_ends_with_its_killed_parent() -> None:
    with subprocess.Popen([sys.executable, "-c", KILLED], cwd=ROOT, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout
        pid = int(parent.stdout.readline())
        parent.kill()
    deadline = time.monotonic() + 5
    while Path(f"/proc/{pid}").exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
