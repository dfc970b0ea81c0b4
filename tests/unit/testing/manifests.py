# SPDX-License-Identifier: BSD-2-Clause
"""A manifest as its reader returns it, for tests that need no file."""

import re
from pathlib import Path

from scaffold.vmtest.manifest import EventSource, Manifest

MANIFEST = Manifest(
    root=Path("a"), project="a", framework="", files=("a",), memory=256, command=("a",), filter=(), ready="Attached",
    source=EventSource.TRACE, trigger=("true",), pattern=re.compile("(?P<pid>[0-9]+)"), seconds=30, boot_seconds=30,
)  # fmt: skip
