# SPDX-License-Identifier: BSD-2-Clause
"""Files that several processes share: atomic writes and locks."""

import errno
import fcntl
import os
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from enum import StrEnum
from pathlib import Path

UNSUPPORTED_ERRORS = (errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS)

REMOVE_PAUSES_SECONDS = (0, 0.05, 0.1, 0.2, 0.4, 0.8, 1.6)


class LockState(StrEnum):
    """The result of an attempt to lock a file."""

    LOCKED = "locked"
    BUSY = "busy"  # another process holds the lock
    UNSUPPORTED = "unsupported"  # the file system has no locks


def write_atomically(
    path: Path, content: str | bytes, *, sync: bool = False, mode: int = 0o666, modified: float = 0.0
) -> None:
    """Replace the file `path` by one with `content` (text as UTF-8): readers see the old content or the new one.

    With `sync` the content is on the disk when this function returns. The umask restricts `mode`, as for any file.
    `modified` is the file's time in seconds since the epoch; 0.0 is now.

    Raises:
        OSError: the file cannot be written; the old file does not change.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with open(temporary, "wb", opener=lambda name, flags: os.open(name, flags, mode)) as file:
            file.write(content.encode() if isinstance(content, str) else content)
            if sync:
                file.flush()
                os.fsync(file.fileno())
        if modified:
            os.utime(temporary, (modified, modified))
        temporary.replace(path)
    except BaseException:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise


@contextmanager
def locked_file(path: Path) -> Iterator[None]:
    """Hold the lock of the file `path`; wait for another process that holds it. The file is created if it is missing.

    The kernel releases the lock when the process ends, so a killed process leaves no lock.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def try_lock(descriptor: int) -> LockState:
    """Lock the open file or directory `descriptor` without waiting. Closing the descriptor releases the lock.

    Raises:
        OSError: locking failed for another reason.
    """
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return LockState.BUSY
    except OSError as error:
        if error.errno not in UNSUPPORTED_ERRORS:
            raise
        return LockState.UNSUPPORTED
    return LockState.LOCKED


def remove_directory(directory: Path) -> None:
    """Remove `directory`, even if an orphaned child of a killed process still writes into it for about a second.

    If the directory cannot be removed, this is not an error: the next run removes it.
    """
    for pause in REMOVE_PAUSES_SECONDS:
        time.sleep(pause)
        shutil.rmtree(directory, ignore_errors=True)
        if not os.path.lexists(directory):
            return
