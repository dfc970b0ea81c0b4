# SPDX-License-Identifier: BSD-2-Clause
"""Build projects in sandboxes: their directories do not change, and only the files for the guest are copied out."""

import hashlib
import os
import re
import signal
import struct
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from scaffold.testing.build import CommandResult, build
from scaffold.testing.sandbox.artifacts import extract_artifacts
from scaffold.testing.sandbox.bubblewrap import SOURCE, ArtifactRequest, Sandbox
from scaffold.vmtest import elf, initramfs
from scaffold.vmtest.errors import ManifestError
from scaffold.vmtest.manifest import Manifest, source_and_target
from scaffold.vmtest.printable import printable
from scaffold.vmtest.verdict import MAX_LINE_CHARACTERS, Outcome, Verdict

LISTING_SECONDS = 10.0
LIBRARY_DIRECTORIES = ("/usr/", "/lib")  # of the libraries that are copied to a guest
# What a failed build prints, or its exit status, if a limit of the sandbox is the cause.
NO_NETWORK = "Could not resolve host|Temporary failure in name resolution|Network is unreachable|Connection refused"
FILE_TOO_LARGE = 128 + signal.SIGXFSZ
DISK_FULL = b"No space left on device"
CANNOT_FORK = re.compile(rb"Cannot fork|fork: .*Resource temporarily unavailable")


@dataclass(frozen=True)
class SandboxedBuilds:
    """Builds each project in one of `sandboxes`, and copies its files to a directory in `output`."""

    sandboxes: Mapping[str, Sandbox]  # by framework; "" is for all other projects
    output: Path
    must_be_new: bool  # a file for the guest that exists before the build is removed first

    def build(self, manifest: Manifest, arch: str) -> Verdict | None:
        """Build the project of `manifest` for `arch`. Return the verdict of a failure, otherwise None."""
        sandbox = self._sandbox(manifest)
        files = tuple(source_and_target(file)[0] for file in manifest.files)
        request = ArtifactRequest(files, must_be_new=self.must_be_new)
        with tempfile.TemporaryFile() as archive:

            def run(command: Sequence[str], source: Path, seconds: float) -> CommandResult:
                result = sandbox.build(command, source, seconds, request, archive)
                return replace(result, exceeded=_exceeded_limit(result, sandbox, request))

            failure = build(manifest, arch, run)
            if failure:
                return failure
            verdict = Verdict(manifest.project, manifest.framework, "", arch)
            try:
                extract_artifacts(archive, request.files, request.max_bytes, self.built_manifest(manifest).root)
            except ManifestError as error:
                return replace(verdict, verdict=Outcome.FAIL, reason=str(error))
            except OSError as error:
                reason = f"cannot write the output of the build: {error.filename or self.output}: {error.strerror}"
                return replace(verdict, verdict=Outcome.ERROR, reason=reason)
        return None

    def built_manifest(self, manifest: Manifest) -> Manifest:
        """Return `manifest` with the directory of the built files as its root."""
        name = hashlib.sha256(os.fsencode(manifest.root)).hexdigest()
        return replace(manifest, root=self.output / name)

    def _sandbox(self, manifest: Manifest) -> Sandbox:
        return self.sandboxes.get(manifest.framework) or self.sandboxes[""]

    def libraries(self, manifest: Manifest, path: Path) -> list[initramfs.Entry]:
        """Return the interpreter and the shared libraries that the program `path` loads, from this machine's system.

        The list comes from the interpreter. The program chooses that, so it runs in a sandbox.

        Raises:
            ManifestError: the program is damaged, or its interpreter is not one of this machine's system.
        """
        try:
            interpreter = elf.interpreter(path.read_bytes())
        except (struct.error, ValueError) as error:
            raise ManifestError(f"{path.name} is damaged: {error}") from error
        if interpreter is None:
            return []
        if not _is_system_library(interpreter):
            raise ManifestError(f"{path.name} is for the interpreter {interpreter!r}, which this machine does not have")
        command = [interpreter, "--list", f"{SOURCE}/{path.name}"]
        listing = self._sandbox(manifest).run(command, path.parent, LISTING_SECONDS)
        listed = initramfs.parse_library_list(listing.output.decode(errors="replace"))
        libraries = sorted({interpreter, *filter(_is_system_library, listed)})
        return [initramfs.file(library.lstrip("/"), Path(library).read_bytes()) for library in libraries]


def _is_system_library(name: str) -> bool:
    """Return whether the file `name` belongs to the system, and everybody may read it."""
    path = Path(name)
    if not name.startswith(LIBRARY_DIRECTORIES) or ".." in path.parts or not path.is_file():
        return False
    return str(path.resolve()).startswith(LIBRARY_DIRECTORIES) and bool(path.stat().st_mode & 0o004)


def _exceeded_limit(result: CommandResult, sandbox: Sandbox, request: ArtifactRequest) -> str:
    """Return a clause about the limit that a failed build exceeded, as far as its status and output show that."""
    if result.status in (0, None) or result.exceeded:
        return result.exceeded
    if result.status == FILE_TOO_LARGE:
        return f"a file, or its whole output, is more than {request.max_bytes >> 20} MiB"
    if DISK_FULL in result.output:
        return f"its files used more than {sandbox.limits.disk} MiB"
    if CANNOT_FORK.search(result.output):
        return f"it used more than {sandbox.limits.processes} processes"
    no_network = re.compile("|".join(filter(None, (NO_NETWORK, sandbox.toolchain.unfetched_pattern))))
    for line in result.output.decode(errors="replace").splitlines():
        if no_network.search(line):
            return (
                f"it needs the network, which a sandbox does not have: {printable(line.strip(), MAX_LINE_CHARACTERS)}"
            )
    return ""
