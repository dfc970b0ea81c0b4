# SPDX-License-Identifier: BSD-2-Clause
"""`python3 -m doctor` in a repository."""

import sys

# An older Python cannot import the modules below.
if sys.version_info < (3, 11):  # noqa: UP036
    version = ".".join(map(str, sys.version_info[:2]))
    sys.exit(f"doctor: Python 3.11 or newer is required, got {version}; choose another: make doctor PYTHON=...")

from .cli import main

if __name__ == "__main__":
    sys.exit(main())
