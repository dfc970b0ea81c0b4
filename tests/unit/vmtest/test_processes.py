# SPDX-License-Identifier: BSD-2-Clause
"""Children of the runner: they end with it, and Ctrl-C is not lost while one is started."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
# Hooks around a fork, as `logging` has them, in one of which the signal comes.
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
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "interrupted\n", "")


def test_a_child_gets_the_signals_that_its_parent_gets() -> None:
    blocked = "import signal; print(signal.pthread_sigmask(signal.SIG_BLOCK, []))"
    run = f"processes.run([sys.executable, '-c', {blocked!r}]).stdout"
    script = f"import sys; from scaffold.vmtest import processes; print({run})"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_a_child_ends_with_a_parent_that_is_killed() -> None:
    with subprocess.Popen([sys.executable, "-c", KILLED], cwd=ROOT, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout
        pid = int(parent.stdout.readline())
        parent.kill()
    deadline = time.monotonic() + 5
    while Path(f"/proc/{pid}").exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
