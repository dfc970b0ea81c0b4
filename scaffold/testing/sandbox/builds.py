# SPDX-License-Identifier: BSD-2-Clause
"""Projects built in sandboxes: their directories stay as they are, and what the guests get is taken out."""

import hashlib
import os
import re
import signal
import struct
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from scaffold.testing.build import BuildResult, build
from scaffold.testing.sandbox.artifacts import extract_artifacts
from scaffold.testing.sandbox.bubblewrap import SOURCE, Request, Sandbox
from scaffold.vmtest import elf, initramfs
from scaffold.vmtest.errors import ManifestError
from scaffold.vmtest.manifest import Manifest, source_and_target
from scaffold.vmtest.printable import printable
from scaffold.vmtest.verdict import MAX_LINE_CHARACTERS, Outcome, Verdict

SECONDS_TO_LIST = 10.0
LIBRARIES = ("/usr/", "/lib")  # where those are that a guest may get
NETWORK = "Could not resolve host|Temporary failure in name resolution|Network is unreachable|Connection refused"
TOO_LARGE = 128 + signal.SIGXFSZ
FULL = b"No space left on device"
NO_FORK = re.compile(rb"Cannot fork|fork: .*Resource temporarily unavailable")


@dataclass(frozen=True)
class SandboxedBuilds:
    """Builds projects in `boxes`, by framework ("" for all others), and puts what they make into `made`."""

    boxes: Mapping[str, Sandbox]
    made: Path
    only_made: bool  # take nothing that stood in the repository before it was built

    def build(self, manifest: Manifest, arch: str) -> Verdict | None:
        """Build the project of `manifest`, and return the verdict when that fails."""
        box = self._box(manifest)
        files = tuple(source_and_target(file)[0] for file in manifest.files)
        wanted = Request(files, only_made=self.only_made)
        with tempfile.TemporaryFile() as archive:

            def run(command: Sequence[str], source: Path, seconds: float) -> BuildResult:
                return _explained(box.build(command, source, seconds, wanted, archive), box, wanted)

            failure = build(manifest, arch, run)
            if failure:
                return failure
            try:
                extract_artifacts(archive, wanted.files, wanted.most_bytes, self.built(manifest).root)
            except ManifestError as error:
                return Verdict(manifest.project, manifest.framework, "", arch, verdict=Outcome.FAIL, reason=str(error))
            except OSError as error:
                reason = f"what was built cannot be kept: {error.filename or self.made}: {error.strerror}"
                return Verdict(manifest.project, manifest.framework, "", arch, reason=reason)
        return None

    def built(self, manifest: Manifest) -> Manifest:
        """Return the manifest of what was built."""
        name = hashlib.sha256(os.fsencode(manifest.root)).hexdigest()
        return replace(manifest, root=self.made / name)

    def _box(self, manifest: Manifest) -> Sandbox:
        return self.boxes.get(manifest.framework) or self.boxes[""]

    def libraries(self, manifest: Manifest, path: Path) -> list[initramfs.Entry]:
        """Return the interpreter and the shared libraries that the program `path` loads: those of this machine alone.

        The interpreter that lists them is named by the program, so it is called in a sandbox.

        Raises:
            ManifestError: the program is damaged, or its interpreter is none of this machine's.
        """
        try:
            interpreter = elf.interpreter(path.read_bytes())
        except (struct.error, ValueError) as error:
            raise ManifestError(f"{path.name} is damaged: {error}") from error
        if interpreter is None:
            return []
        if not _is_library(interpreter):
            raise ManifestError(f"{path.name} is for the interpreter {interpreter!r}, which is none of this machine's")
        command = [interpreter, "--list", f"{SOURCE}/{path.name}"]
        listing = self._box(manifest).ask(command, path.parent, SECONDS_TO_LIST)
        named = initramfs.parse_library_list(listing.output.decode(errors="replace"))
        found = sorted({interpreter, *filter(_is_library, named)})
        return [initramfs.file(library.lstrip("/"), Path(library).read_bytes()) for library in found]


def _is_library(name: str) -> bool:
    """Tell whether everybody may read the file `name`, and it is the system's."""
    path = Path(name)
    if not name.startswith(LIBRARIES) or ".." in path.parts or not path.is_file():
        return False
    return str(path.resolve()).startswith(LIBRARIES) and bool(path.stat().st_mode & 0o004)


def _explained(built: BuildResult, box: Sandbox, wanted: Request) -> BuildResult:
    """Say which limit of the sandbox a build that failed has met, as far as its end and its output show that."""
    if built.status in (0, None) or built.limit:
        return built
    if built.status == TOO_LARGE:
        return replace(built, limit=f"a file of it, or all that it makes, is more than {wanted.most_bytes >> 20} MiB")
    if FULL in built.output:
        return replace(built, limit=f"its files took more than {box.limits.disk} MiB")
    if NO_FORK.search(built.output):
        return replace(built, limit=f"it wanted more than {box.limits.processes} processes")
    wants = re.compile("|".join(filter(None, (NETWORK, box.equipment.unfetched))))
    for line in built.output.decode(errors="replace").splitlines():
        if wants.search(line):
            said = printable(line.strip(), MAX_LINE_CHARACTERS)
            return replace(built, limit=f"it wants something from the network, which the sandbox has not: {said}")
    return built
