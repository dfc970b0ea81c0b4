# SPDX-License-Identifier: BSD-2-Clause
"""Extract the files of a build from the tar archive that its sandbox wrote.

The build may have forged the archive, so only the names and contents of regular files are used.
"""

import errno
import shutil
import tarfile
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from scaffold.vmtest.errors import ManifestError

MAX_FILES = 10_000
DISK_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO)


def extract_artifacts(archive: IO[bytes], files: Sequence[str], max_bytes: int, directory: Path) -> None:
    """Extract `files`, which may be directories, from `archive` into `directory`, which is replaced.

    Raises:
        ManifestError: a file is missing or not a regular file, or the archive is damaged or contains more than
            `max_bytes`.
        OSError: the disk is full or not writable.
    """
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    archive.seek(0)
    try:
        with tarfile.open(fileobj=archive, mode="r:") as tar:
            _extract(tar, files, max_bytes, directory)
    except (tarfile.TarError, ValueError, EOFError, OSError) as error:
        if isinstance(error, OSError) and error.errno in DISK_ERRORS:
            raise
        raise ManifestError(f"the output of the build is damaged: {error}") from error
    for file in files:
        if not (directory / file).exists():
            raise ManifestError(f"{file} is not a regular file after the build")


def _extract(tar: tarfile.TarFile, files: Sequence[str], max_bytes: int, directory: Path) -> None:
    total = 0
    for count, member in enumerate(tar, start=1):
        total += member.size
        if total > max_bytes or count > MAX_FILES:
            raise ManifestError(f"the output of the build is more than {max_bytes >> 20} MiB or {MAX_FILES} files")
        if not _is_among(member.name, files):
            continue
        target = directory / member.name
        if member.isdir():
            target.mkdir(parents=True, exist_ok=True)
        elif member.isreg() and not member.issparse() and (content := tar.extractfile(member)):
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("xb") as file:
                shutil.copyfileobj(content, file)
            target.chmod(0o755 if member.mode & 0o100 else 0o644)


def _is_among(name: str, files: Sequence[str]) -> bool:
    """Return whether `name` is one of `files` or below one, without a way to another directory."""
    is_safe = not name.startswith("/") and not {"", ".", ".."} & set(name.split("/"))
    return is_safe and any(name == file or name.startswith(f"{file}/") for file in files)
