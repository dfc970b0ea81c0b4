# SPDX-License-Identifier: BSD-2-Clause
"""`python3 -m vmtest`: what it does stands in command.py."""

import signal
import sys

if __name__ == "__main__":
    # Until there is a guest to be ended properly, Ctrl-C just ends Python, without a traceback.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    from .cli import main

    sys.exit(main())
