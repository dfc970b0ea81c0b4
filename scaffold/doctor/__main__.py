# SPDX-License-Identifier: BSD-2-Clause
"""`python3 -m doctor` in a repository."""

import sys

# Older ones cannot even read what is imported below.
if sys.version_info < (3, 11):  # noqa: UP036
    version = ".".join(map(str, sys.version_info[:2]))
    sys.exit(f"doctor: Python 3.11 or newer is needed, as for `make test`; this is {version}: make doctor PYTHON=...")

from .cli import main

if __name__ == "__main__":
    sys.exit(main())
