# SPDX-License-Identifier: BSD-2-Clause
"""Signals are blocked for a while. tests/render/test_processes.py starts children."""

import signal

from scaffold.vmtest.processes import TERMINATION_SIGNALS, signals_blocked


def test_the_signals_before_are_blocked_again_also_a_real_time_signal_without_a_name() -> None:
    unnamed = signal.SIGRTMIN + 6
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [unnamed])
    try:
        with signals_blocked() as blocked_before:
            assert blocked_before == {*before, unnamed}
            assert signal.pthread_sigmask(signal.SIG_BLOCK, []) == {*blocked_before, *TERMINATION_SIGNALS}
        assert signal.pthread_sigmask(signal.SIG_BLOCK, []) == blocked_before
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
