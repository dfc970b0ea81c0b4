# SPDX-License-Identifier: BSD-2-Clause
"""Archive the templates of the released version in scaffold/update/releases, where `ebpf-new update` reads them.

    .venv/bin/python -m tools.archive_templates

The archive also contains the digest of a sample project of each framework, so that a test can check that later versions
of ebpf-new still render these templates to the same files.
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
from scaffold.update.archive import ARCHIVED_DIRECTORIES, SUFFIX, releases_directory

SAMPLES = "samples.json"


def archive(root: Path, version: str, directory: Path, samples: Mapping[str, str]) -> Path:
    """Write the templates of the checkout `root` to `directory` as those of `version`, and return the archive."""
    target = directory / f"{version}{SUFFIX}"
    with tarfile.open(target, "w:xz", preset=9) as tar:
        for part in ARCHIVED_DIRECTORIES:
            for path in sorted((root / part).rglob("*")):
                if PYCACHE not in path.parts and (path.is_file() or path.is_symlink()):
                    _add(tar, path, path.relative_to(root))
        text = json.dumps(samples, indent=2).encode()
        entry = tarfile.TarInfo(SAMPLES)
        entry.size = len(text)
        tar.addfile(entry, io.BytesIO(text))
    return target


def sample_digests(templates: Path) -> dict[str, str]:
    """Return, by framework, the digest of a project with the default answers."""
    with tempfile.TemporaryDirectory() as directory:
        return {
            name: tree_digest(
                render_recorded(sample_answers(templates / name, name), templates / name, Path(directory))
            )
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
    """Return answers for a project of the framework `name`: the defaults, and a fixed year."""
    questions = {key: value for key, value in read_context_file(template).items() if key[0] != "_"}
    answers = {key: value[0] if isinstance(value, list) else value for key, value in questions.items()}
    return {**answers, "name": f"{name}-sample", "year": "2026", "module": f"example.com/{name}-sample"}


def _add(tar: tarfile.TarFile, path: Path, name: Path) -> None:
    entry = tar.gettarinfo(path, str(name))
    entry.mtime = entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    entry.mode = 0o755 if entry.mode & 0o100 else 0o644
    if entry.isfile():
        with path.open("rb") as file:
            tar.addfile(entry, file)
    else:
        tar.addfile(entry)


def main() -> None:
    """Archive this checkout, once for each version."""
    if Version(__version__).is_devrelease:
        sys.exit(f"{__version__} is a development version: set a release in scaffold/__init__.py and in _shared")
    target = releases_directory() / f"{__version__}{SUFFIX}"
    if target.exists():
        sys.exit(f"{target} already exists: the archive of a release must not change")
    samples = sample_digests(templates_directory())
    print(archive(templates_directory().parent, __version__, releases_directory(), samples))


if __name__ == "__main__":
    main()
