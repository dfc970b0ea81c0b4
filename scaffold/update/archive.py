# SPDX-License-Identifier: BSD-2-Clause
"""The templates of every released version, as they were: what an old project was made from.

One file a version, `VERSION.tar.xz`, holds `templates` and what links in them lead to: the runner and the doctor.
`python -m tools.archive_templates` adds one when a version is released.
"""

import tarfile
from pathlib import Path

from scaffold.errors import DiskError, TemplateError

SUFFIX = ".tar.xz"
PARTS = ("templates", "scaffold/vmtest", "scaffold/doctor")


def releases_directory() -> Path:
    """Return where the archives are."""
    return Path(__file__).parent / "releases"


def released_versions(directory: Path) -> list[str]:
    """Return the versions whose templates are in `directory`."""
    return sorted(path.name.removesuffix(SUFFIX) for path in directory.glob(f"*{SUFFIX}"))


def unpack(version: str, framework: str, directory: Path, into: Path) -> Path:
    """Unpack a framework's template of `version`, which is in `directory`, to below `into`, and return where it is.

    Raises:
        DiskError: there is no room for them.
        TemplateError: the archive is damaged.
    """
    archive = directory / f"{version}{SUFFIX}"
    templates, *linked = PARTS
    needed = (f"{templates}/_shared/", f"{templates}/{framework}/", *(f"{part}/" for part in linked))
    try:
        with tarfile.open(archive) as tar:
            # Pythons before 3.11.4 have no filters, and need none for what comes with this package.
            tar.extraction_filter = getattr(tarfile, "data_filter", None)
            tar.extractall(into, [member for member in tar if member.name.startswith(needed)])
    except OSError as error:
        raise DiskError(f"cannot unpack {archive}: {error.strerror or error}") from error
    except (EOFError, tarfile.TarError) as error:
        raise TemplateError(f"{archive} is damaged; install ebpf-new again: {error}") from error
    return into / templates / framework
