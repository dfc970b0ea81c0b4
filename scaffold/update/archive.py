# SPDX-License-Identifier: BSD-2-Clause
"""The templates of every released version, which old projects were generated from.

`VERSION.tar.xz` contains the `ARCHIVED_DIRECTORIES` of that version: the templates, and the runner and the doctor that
the templates link to. `python -m tools.archive_templates` writes it when a version is released.
"""

import tarfile
from pathlib import Path

from scaffold.errors import DiskError, TemplateError

SUFFIX = ".tar.xz"
TEMPLATES = "templates"
ARCHIVED_DIRECTORIES = (TEMPLATES, "scaffold/vmtest", "scaffold/doctor")  # relative to the root of the checkout


def releases_directory() -> Path:
    """Return the directory of the archives in this installation."""
    return Path(__file__).parent / "releases"


def released_versions(releases: Path) -> list[str]:
    """Return the versions whose templates are in the directory `releases`."""
    return sorted(path.name.removesuffix(SUFFIX) for path in releases.glob(f"*{SUFFIX}"))


def unpack_template(version: str, framework: str, releases: Path, target: Path) -> Path:
    """Unpack the template of `framework` at `version` into the directory `target`, and return the template's path.

    Raises:
        DiskError: the archive cannot be read, or the files cannot be written.
        TemplateError: the archive is damaged.
    """
    archive = releases / f"{version}{SUFFIX}"
    linked = [f"{directory}/" for directory in ARCHIVED_DIRECTORIES if directory != TEMPLATES]
    prefixes = (f"{TEMPLATES}/_shared/", f"{TEMPLATES}/{framework}/", *linked)
    try:
        with tarfile.open(archive) as tar:
            # Python before 3.11.4 has no filters, and archives of this package are safe without one.
            tar.extraction_filter = getattr(tarfile, "data_filter", None)
            tar.extractall(target, [member for member in tar if member.name.startswith(prefixes)])
    except OSError as error:
        raise DiskError(f"cannot unpack {archive}: {error.strerror or error}") from error
    except (EOFError, tarfile.TarError) as error:
        raise TemplateError(f"{archive} is damaged: {error}", hint="install ebpf-new again") from error
    return target / TEMPLATES / framework
