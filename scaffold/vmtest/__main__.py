# SPDX-License-Identifier: BSD-2-Clause
"""The entry point of `python3 -m vmtest`; cli.py contains the command."""

import signal
import sys

if __name__ == "__main__":
    # While Python imports the package, no guest is running yet: Ctrl-C may end the process without a traceback.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    from .cli import main

    sys.exit(main())
