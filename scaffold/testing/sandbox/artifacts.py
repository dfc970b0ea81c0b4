# SPDX-License-Identifier: BSD-2-Clause
"""What a build made, out of the archive that the sandbox handed out.

Whoever built it may have written the archive itself: nothing in it is believed but names and bytes of ordinary files.
"""

import errno
import shutil
import tarfile
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from scaffold.vmtest.errors import ManifestError

MOST_FILES = 10_000
OF_THE_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO)


def extract_artifacts(archive: IO[bytes], files: Sequence[str], most_bytes: int, directory: Path) -> None:
    """Write the `files`, and what is in them where they are directories, from `archive` to `directory`, made anew.

    Raises:
        ManifestError: one of them is not there, or is no file; or they hold more than `most_bytes`.
        OSError: the disk takes no more.
    """
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    archive.seek(0)
    try:
        with tarfile.open(fileobj=archive, mode="r:") as tar:
            _write(tar, files, most_bytes, directory)
    except (tarfile.TarError, ValueError, EOFError, OSError) as error:
        if isinstance(error, OSError) and error.errno in OF_THE_DISK:
            raise
        raise ManifestError(f"what the build made is damaged: {error}") from error
    for file in files:
        if not (directory / file).exists():
            raise ManifestError(f"{file}, which the build made, is not an ordinary file")


def _write(tar: tarfile.TarFile, files: Sequence[str], most_bytes: int, directory: Path) -> None:
    total = 0
    for count, member in enumerate(tar, start=1):
        total += member.size
        if total > most_bytes or count > MOST_FILES:
            raise ManifestError(f"what the build made is more than {most_bytes >> 20} MiB or {MOST_FILES} files")
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
    whole = not name.startswith("/") and not {"", ".", ".."} & set(name.split("/"))
    return whole and any(name == file or name.startswith(f"{file}/") for file in files)
