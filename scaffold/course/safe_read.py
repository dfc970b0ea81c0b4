# SPDX-License-Identifier: BSD-2-Clause
"""Read files of repositories that other people can write to."""

import os
import stat
from pathlib import Path, PurePosixPath

READ_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK  # opening a named pipe must not block
MAX_BYTES = 1 << 20


def read_text(root: Path, name: str) -> str:
    """Return the content of the file `name`, a path relative to the directory `root`; no symbolic link is followed.

    Raises:
        OSError: the file is missing, is larger than MAX_BYTES, is not a regular file, or has a symbolic link in `name`.
        UnicodeDecodeError: the content is not UTF-8.
    """
    parts = PurePosixPath(name).parts
    directory = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for part in parts[:-1]:
            child = os.open(part, READ_FLAGS | os.O_DIRECTORY, dir_fd=directory)
            os.close(directory)
            directory = child
        descriptor = os.open(parts[-1], READ_FLAGS, dir_fd=directory)
    finally:
        os.close(directory)
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(0, "not a regular file")
        data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise OSError(0, f"larger than {MAX_BYTES} bytes")
    return data.decode()
