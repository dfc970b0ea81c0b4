# SPDX-License-Identifier: BSD-2-Clause
"""`python -m scaffold` is the command `ebpf-new`."""

import signal

# Until there is something to be ended properly, Ctrl-C just ends Python, without a traceback.
if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    signal.signal(signal.SIGINT, signal.SIG_DFL)

from scaffold.cli.app import main

if __name__ == "__main__":
    main()
