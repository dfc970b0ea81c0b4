# SPDX-License-Identifier: BSD-2-Clause
"""The command `ebpf-new`, also as `python -m scaffold`."""

import gc
import signal

gc.disable()  # a command that takes a third of a second spends a tenth of it on collections that free nothing
# While modules are imported, Ctrl-C ends Python without a traceback. main() installs its own handler.
if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    signal.signal(signal.SIGINT, signal.SIG_DFL)

from scaffold.cli.app import main  # noqa: E402

if __name__ == "__main__":
    main()
