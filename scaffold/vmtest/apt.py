# SPDX-License-Identifier: BSD-2-Clause
"""Download packages from the apt archive of this machine without installing them.

apt gets its own configuration in the cache (sources, lists, downloads). So it needs no root and does not change the
lists of the machine. The mirror, the proxy and the certificates are those of the machine. apt checks the signatures
with the keyrings of the distribution only.
"""

import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from . import processes
from .cache import cache_root, locked
from .errors import InfrastructureError

KEYRINGS = (
    ("/etc/apt/trusted.gpg.d", "*.gpg"),
    ("/etc/apt/trusted.gpg.d", "*.asc"),
    ("/usr/share/keyrings", "debian-archive-*.gpg"),
    ("/usr/share/keyrings", "ubuntu-archive-*.gpg"),
)
LISTS_SECONDS = 24 * 3600  # the age after which package lists are downloaded again
INDEX_URI = re.compile(r"^'([^']+/)dists/([^']+)/main/binary-", re.MULTILINE)
NO_KERNEL_HINT = (
    "pass the path of a kernel with --kernel, use --kernel host, or work in a container (make in-container T=test)"
)
# The suites with kernels, oldest first, and the kernel series that each was released with.
SUITES = {
    "debian": {
        "bullseye": "5.10",
        "bookworm": "6.1",
        "trixie": "6.12",
        "bookworm-backports": "",
        "trixie-backports": "",
        "forky": "",
        "sid": "",
    },
    "ubuntu": {"jammy-updates": "5.15", "noble-updates": "6.8", "questing-updates": "6.17"},
}


@dataclass(frozen=True)
class Suite:
    """One suite of an archive, as a line of sources.list names it."""

    uri: str
    name: str


def configured_suites() -> list[Suite]:
    """Return the suites in apt's sources on this machine.

    Raises:
        InfrastructureError: this machine has no apt, or apt has no sources.
    """
    if not (shutil.which("apt-get") and shutil.which("dpkg-deb")):
        raise InfrastructureError("this machine has no apt to download kernels with", hint=NO_KERNEL_HINT)
    # Without lists, as in a container, `apt-get indextargets` prints no suites. With an empty directory of lists this
    # command prints what a first update would download.
    with tempfile.TemporaryDirectory() as lists:
        arguments = [f"-oDir::State::lists={lists}", "--print-uris", "update"]
        listing = subprocess.run(["apt-get", *arguments], capture_output=True, text=True, check=False)
    suites = [Suite(*match) for match in INDEX_URI.findall(listing.stdout)]
    if not suites:
        raise InfrastructureError(
            "apt on this machine has no sources with a `main` component", hint="add one to /etc/apt/sources.list"
        )
    return list(dict.fromkeys(suites))


def candidate_suites(series: str) -> list[Suite]:
    """Return the suites of this machine's archive; those most likely to have the kernel `series` come first."""
    configured = configured_suites()
    codenames = {suite.name.partition("-")[0] for suite in configured}
    released_series: dict[str, str] = {}
    for suites in SUITES.values():
        if codenames & {name.partition("-")[0] for name in suites}:
            released_series = suites
    main = next((suite for suite in configured if "-" not in suite.name), configured[0])
    names = {suite.name for suite in configured}
    candidates = configured + [Suite(main.uri, name) for name in released_series if name not in names]
    order = list(released_series)

    def rank(suite: Suite) -> tuple[bool, bool, int]:
        released_with = released_series.get(suite.name.removesuffix("-security"), "")
        is_likely = bool(released_with) and f"{series}.".startswith(f"{released_with}.")
        return (not is_likely, suite not in configured, order.index(suite.name) if suite.name in order else 0)

    return sorted(candidates, key=rank)


class Apt:
    """apt with one suite as its only source and its lists in the cache."""

    def __init__(self, suite: Suite, architecture: str) -> None:
        self.suite = suite
        self.architecture = architecture
        self.directory = cache_root() / "apt" / f"{suite.name}-{architecture}"
        for name in ("lists/partial", "archives/partial", "keys"):
            (self.directory / name).mkdir(parents=True, exist_ok=True)
        self._link_keyrings()
        source = f"deb [target=Packages] {suite.uri} {suite.name} main\n"
        (self.directory / "sources.list").write_text(source)
        settings = {
            "Dir::Etc::sourcelist": self.directory / "sources.list",
            "Dir::Etc::sourceparts": "/dev/null",
            "Dir::Etc::trusted": "/dev/null",
            "Dir::Etc::trustedparts": self.directory / "keys",
            "Dir::Etc::preferences": "/dev/null",
            "Dir::Etc::preferencesparts": "/dev/null",
            "Dir::State": self.directory,
            "Dir::State::lists": self.directory / "lists",
            "Dir::State::status": "/dev/null",
            "Dir::Cache": self.directory,
            "APT::Architecture": architecture,
            "APT::Architectures": architecture,
            "APT::Sandbox::User": "root",
            "APT::Get::List-Cleanup": "false",
            "APT::Update::Error-Mode": "any",
            "APT::Update::Post-Invoke-Success": "",
            "Acquire::Languages": "none",
            "Acquire::Retries": "2",
        }
        self.options = [f"-o{key}={value}" for key, value in settings.items()]

    def _link_keyrings(self) -> None:
        for directory, pattern in KEYRINGS:
            for keyring in Path(directory).glob(pattern):
                link = self.directory / "keys" / keyring.name
                if not link.exists():
                    link.unlink(missing_ok=True)
                    link.symlink_to(keyring)

    def run(self, *command: str, cwd: Path | None = None) -> str:
        """Run an apt program and return its output.

        Raises:
            InfrastructureError: it failed; the message contains apt's first error.
        """
        completed = processes.run([command[0], *self.options, *command[1:]], cwd)
        if completed.returncode:
            errors = [line for line in completed.stderr.splitlines() if line.startswith(("E:", "Err:"))]
            reason = errors[0] if errors else completed.stderr.strip()
            raise InfrastructureError(f"{command[0]} {command[1]} for {self.suite.name}: {reason}")
        return completed.stdout

    def update(self, force: bool = False) -> str:
        """Download the package list of the suite if the cache has none, or one older than a day; always with `force`.

        Returns the reason why an old list remains in use, otherwise "".

        Raises:
            InfrastructureError: the list cannot be downloaded, and the cache has none.
        """
        stamp = self.directory / "updated"
        with locked(f"apt-{self.directory.name}"):
            has_list = any((self.directory / "lists").glob("*_Packages*"))
            if has_list and not force and stamp.exists() and time.time() - stamp.stat().st_mtime < LISTS_SECONDS:
                return ""
            try:
                self.run("apt-get", "update")
            except InfrastructureError as error:
                if not has_list:
                    raise
                return str(error)
            stamp.touch()
        return ""

    def packages(self, pattern: str) -> list[str]:
        """Return the names of the suite's packages that match the regular expression `pattern`."""
        names = self.run("apt-cache", "pkgnames", "linux-").splitlines()
        return [name for name in names if re.fullmatch(pattern, name)]

    def kernel_dependencies(self, package: str) -> list[str]:
        """Return the packages that contain the parts of a newer kernel which are not in `package` itself."""
        dependencies: dict[str, None] = {}
        pending = [package]
        while pending:
            listing = self.run("apt-cache", "depends", "--important", pending.pop())
            names = re.findall(r"Depends: (linux-(?:base|binary|modules)-\d\S+)", listing)
            pending += [name for name in names if name not in dependencies]
            dependencies |= dict.fromkeys(names)
        return list(dependencies)

    def unpack(self, packages: Sequence[str], downloads: Path, target: Path) -> None:
        """Download `packages` into the directory `downloads` and unpack them in the directory `target`.

        If a download fails, the package lists may be out of date: they are downloaded again before a second attempt.

        Raises:
            InfrastructureError: a package cannot be downloaded or unpacked.
        """
        try:
            self.run("apt-get", "download", *packages, cwd=downloads)
        except InfrastructureError:
            self.update(force=True)
            self.run("apt-get", "download", *packages, cwd=downloads)
        for package in sorted(downloads.glob("*.deb")):
            unpack_package(package, target)


def unpack_package(package: Path, target: Path) -> None:
    """Unpack the file `package` (.deb) in the directory `target`.

    Raises:
        InfrastructureError: it cannot be unpacked.
    """
    completed = processes.run(["dpkg-deb", "-x", str(package), str(target)])
    if completed.returncode:
        raise InfrastructureError(f"cannot unpack {package}: {completed.stderr.strip()}")
