# SPDX-License-Identifier: BSD-2-Clause
"""Files that several processes share: written in one step, and locked."""

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

NO_LOCKS = (errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS)

REMOVE_PAUSES_SECONDS = (0, 0.05, 0.1, 0.2, 0.4, 0.8, 1.6)


class LockState(StrEnum):
    """What an attempt to lock a file gave."""

    LOCKED = "locked"
    BUSY = "busy"  # another process holds the lock
    UNSUPPORTED = "unsupported"  # the file system has no locks, so nobody can hold one


def write_atomically(path: Path, content: str | bytes, *, sync: bool = False) -> None:
    """Replace the file `path` by one with `content`, text as UTF-8: readers see the old content or the new one.

    With `sync` the content is on the disk when this function returns. The mode is that of any new file (umask).

    Raises:
        OSError: the file cannot be written; the old one is untouched.
    """
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with part.open("wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
            if sync:
                file.flush()
                os.fsync(file.fileno())
        part.replace(path)
    except BaseException:
        with suppress(OSError):
            part.unlink(missing_ok=True)
        raise


@contextmanager
def locked_file(path: Path) -> Iterator[None]:
    """Hold the lock of the file `path`, which is created if it does not exist; wait for another process that holds it.

    The kernel releases the lock when the process ends, so a killed process leaves no lock.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def try_lock(descriptor: int) -> LockState:
    """Lock the open file or directory `descriptor` without waiting. Closing the descriptor releases the lock.

    Raises:
        OSError: locking failed for a reason that `LockState` does not name.
    """
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return LockState.BUSY
    except OSError as error:
        if error.errno not in NO_LOCKS:
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
