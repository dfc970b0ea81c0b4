# SPDX-License-Identifier: BSD-2-Clause
"""Files of other people's repositories, read so that what they are cannot hurt."""

import os
import stat
from pathlib import Path, PurePosixPath

READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK  # a pipe must not make us wait
MOST_BYTES = 1 << 20


def read_text(root: Path, name: str) -> str:
    """Return what the file `name` below the directory `root` holds.

    Raises:
        OSError: it is not there, is no ordinary file, is too large, or a symbolic link stands in its path.
        UnicodeDecodeError: it is not UTF-8.
    """
    parts = PurePosixPath(name).parts
    here = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for part in parts[:-1]:
            below = os.open(part, READ | os.O_DIRECTORY, dir_fd=here)
            os.close(here)
            here = below
        file = os.open(parts[-1], READ, dir_fd=here)
    finally:
        os.close(here)
    with os.fdopen(file, "rb") as handle:
        if not stat.S_ISREG(os.fstat(file).st_mode):
            raise OSError(0, "it is no ordinary file")
        data = handle.read(MOST_BYTES + 1)
    if len(data) > MOST_BYTES:
        raise OSError(0, f"it has more than {MOST_BYTES} bytes")
    return data.decode()
