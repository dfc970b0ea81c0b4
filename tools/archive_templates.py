# SPDX-License-Identifier: BSD-2-Clause
"""Archive the templates of the released version in scaffold/update/releases, where `ebpf-new update` looks them up.

    .venv/bin/python -m tools.archive_templates

The archive also says what a project of each framework is, as a digest, so that a test can tell whether later versions
of ebpf-new still make the same of these templates.
"""

import hashlib
import io
import json
import sys
import tarfile
import tempfile
from collections.abc import Mapping
from pathlib import Path

from packaging.version import Version

from scaffold import __version__
from scaffold.generate.render import PYCACHE, files_in, render_recorded
from scaffold.project.catalog import read_context_file, templates_directory
from scaffold.update.archive import PARTS, SUFFIX, releases_directory

SAMPLES = "samples.json"


def archive(root: Path, version: str, directory: Path, samples: Mapping[str, str]) -> Path:
    """Write the templates of the checkout `root` to `directory` as those of `version`, and return the archive."""
    path = directory / f"{version}{SUFFIX}"
    with tarfile.open(path, "w:xz", preset=9) as tar:
        for part in PARTS:
            for found in sorted((root / part).rglob("*")):
                if PYCACHE not in found.parts and (found.is_file() or found.is_symlink()):
                    _add(tar, found, found.relative_to(root))
        text = json.dumps(samples, indent=2).encode()
        about = tarfile.TarInfo(SAMPLES)
        about.size = len(text)
        tar.addfile(about, io.BytesIO(text))
    return path


def sample_digests(templates: Path) -> dict[str, str]:
    """Return, by framework, a digest of the project that default answers make."""
    with tempfile.TemporaryDirectory() as place:
        return {
            name: tree_digest(render_recorded(sample_answers(templates / name, name), templates / name, Path(place)))
            for name in sorted(path.parent.name for path in templates.glob("*/framework.toml"))
        }


def tree_digest(root: Path) -> str:
    """Return a digest of the names, modes and contents of the files below `root`."""
    digest = hashlib.sha256()
    for name in files_in(root):
        data = (root / name).read_bytes()
        digest.update(f"{name}\0{(root / name).stat().st_mode & 0o100}\0{len(data)}\0".encode() + data)
    return digest.hexdigest()


def sample_answers(template: Path, name: str) -> dict[str, str]:
    """Return answers for a project of the framework `name`: the defaults, and a year that stays."""
    questions = {key: value for key, value in read_context_file(template).items() if key[0] != "_"}
    answers = {key: value[0] if isinstance(value, list) else value for key, value in questions.items()}
    return {**answers, "name": f"{name}-sample", "year": "2026", "module": f"example.com/{name}-sample"}


def _add(tar: tarfile.TarFile, path: Path, name: Path) -> None:
    about = tar.gettarinfo(path, str(name))
    about.mtime = about.uid = about.gid = 0
    about.uname = about.gname = ""
    about.mode = 0o755 if about.mode & 0o100 else 0o644
    if about.isfile():
        with path.open("rb") as file:
            tar.addfile(about, file)
    else:
        tar.addfile(about)


def main() -> None:
    """Archive this checkout, once a version."""
    if Version(__version__).is_devrelease:
        sys.exit(f"{__version__} is no version to release: give it its number in scaffold/__init__.py, and in _shared")
    there = releases_directory() / f"{__version__}{SUFFIX}"
    if there.exists():
        sys.exit(f"{there} exists: what was released stays as it was")
    samples = sample_digests(templates_directory())
    print(archive(templates_directory().parent, __version__, releases_directory(), samples))


if __name__ == "__main__":
    main()
