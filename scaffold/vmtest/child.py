# SPDX-License-Identifier: BSD-2-Clause
"""Children that do not outlive their parent, even one that is killed outright.

Source: prctl(2), PR_SET_PDEATHSIG.
"""

import ctypes
import os
import signal
from collections.abc import Callable

PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None)


def dies_with_parent() -> Callable[[], None]:
    """Return what subprocess calls in the child (preexec_fn), so that it ends with this process."""
    parent = os.getpid()

    def prepare() -> None:
        _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)

    return prepare
