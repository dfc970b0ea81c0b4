# SPDX-License-Identifier: BSD-2-Clause
"""Get packages from the apt archive that this machine is set up for, installing nothing.

apt works on a configuration of its own in the cache (sources, lists, downloads), so no root is
needed and the machine's own lists stay as they are. The mirror, the proxy and the certificates are
the machine's. apt checks the signatures, by the distribution's own keyrings alone.
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
LISTS_SECONDS = 24 * 3600  # after which the archive is asked again for what it has
INDEX = re.compile(r"^'([^']+/)dists/([^']+)/main/binary-", re.MULTILINE)
# The suites that hold kernels, from old to new, with the series that each was released with.
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


def own_suites() -> list[Suite]:
    """Return the suites that this machine installs from, as apt itself reads its sources.

    Raises:
        InfrastructureError: there is no apt here, or it has no sources.
    """
    if not (shutil.which("apt-get") and shutil.which("dpkg-deb")):
        raise InfrastructureError(
            "this machine has no apt to get kernels with: "
            "give the path of a kernel with --kernel, --kernel host, or work in a container (make in-container T=test)"
        )
    # Without lists, as in a container, `apt-get indextargets` knows of none; with an empty place for them this
    # names what a first update would fetch.
    with tempfile.TemporaryDirectory() as lists:
        wanted = [f"-oDir::State::lists={lists}", "--print-uris", "update"]
        listing = subprocess.run(["apt-get", *wanted], capture_output=True, text=True, check=False)
    suites = [Suite(*found) for found in INDEX.findall(listing.stdout)]
    if not suites:
        raise InfrastructureError("apt on this machine has no sources with a `main` component")
    return list(dict.fromkeys(suites))


def candidate_suites(series: str) -> list[Suite]:
    """Return the suites of the machine's archive, the likeliest to hold kernel `series` first."""
    own = own_suites()
    codenames = {suite.name.partition("-")[0] for suite in own}
    table: dict[str, str] = {}
    for suites in SUITES.values():
        if codenames & {name.partition("-")[0] for name in suites}:
            table = suites
    base = next((suite for suite in own if "-" not in suite.name), own[0])
    found = own + [Suite(base.uri, name) for name in table if name not in {s.name for s in own}]
    order = list(table)

    def likeliness(suite: Suite) -> tuple[bool, bool, int]:
        released_with = table.get(suite.name.removesuffix("-security"), "")
        likely = bool(released_with) and f"{series}.".startswith(f"{released_with}.")
        return (not likely, suite not in own, order.index(suite.name) if suite.name in order else 0)

    return sorted(found, key=likeliness)


class Apt:
    """apt with one suite as its only source and its lists in the cache."""

    def __init__(self, suite: Suite, architecture: str) -> None:
        self.suite = suite
        self.architecture = architecture
        self.home = cache_root() / "apt" / f"{suite.name}-{architecture}"
        for directory in ("lists/partial", "archives/partial", "keys"):
            (self.home / directory).mkdir(parents=True, exist_ok=True)
        for place, pattern in KEYRINGS:
            for keyring in Path(place).glob(pattern):
                link = self.home / "keys" / keyring.name
                if not link.exists():
                    link.unlink(missing_ok=True)
                    link.symlink_to(keyring)
        source = f"deb [target=Packages] {suite.uri} {suite.name} main\n"
        (self.home / "sources.list").write_text(source)
        settings = {
            "Dir::Etc::sourcelist": self.home / "sources.list",
            "Dir::Etc::sourceparts": "/dev/null",
            "Dir::Etc::trusted": "/dev/null",
            "Dir::Etc::trustedparts": self.home / "keys",
            "Dir::Etc::preferences": "/dev/null",
            "Dir::Etc::preferencesparts": "/dev/null",
            "Dir::State": self.home,
            "Dir::State::lists": self.home / "lists",
            "Dir::State::status": "/dev/null",
            "Dir::Cache": self.home,
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

    def run(self, *command: str, cwd: Path | None = None) -> str:
        """Run an apt program and return what it prints.

        Raises:
            InfrastructureError: it failed; the message holds apt's own first error.
        """
        done = processes.run([command[0], *self.options, *command[1:]], cwd)
        if done.returncode:
            lines = [line for line in done.stderr.splitlines() if line.startswith(("E:", "Err:"))]
            raise InfrastructureError(
                f"{command[0]} {command[1]} for {self.suite.name}: {lines[0] if lines else done.stderr.strip()}"
            )
        return done.stdout

    def update(self, anew: bool = False) -> str:
        """Fetch the suite's package list when the cache has none, or one older than a day; `anew` in any case.

        Returns why an old list stays in use, and "" when it does not.

        Raises:
            InfrastructureError: it cannot be fetched, and there is none.
        """
        stamp = self.home / "updated"
        with locked(f"apt-{self.home.name}"):
            there = list((self.home / "lists").glob("*_Packages*"))
            if there and not anew and stamp.exists() and time.time() - stamp.stat().st_mtime < LISTS_SECONDS:
                return ""
            try:
                self.run("apt-get", "update")
            except InfrastructureError as trouble:
                if not there:
                    raise
                return str(trouble)
            stamp.touch()
        return ""

    def packages(self, pattern: str) -> list[str]:
        """Return the names of the suite's packages that match the regular expression `pattern`."""
        names = self.run("apt-cache", "pkgnames", "linux-").splitlines()
        return [name for name in names if re.fullmatch(pattern, name)]

    def companions(self, package: str) -> list[str]:
        """Return the packages in which newer kernels keep what `package` itself no longer holds."""
        found: dict[str, None] = {}
        wanted = [package]
        while wanted:
            listing = self.run("apt-cache", "depends", "--important", wanted.pop())
            depends = re.findall(r"Depends: (linux-(?:base|binary|modules)-\d\S+)", listing)
            wanted += [name for name in depends if name not in found]
            found |= dict.fromkeys(depends)
        return list(found)

    def unpack(self, packages: Sequence[str], place: Path, target: Path) -> None:
        """Download `packages` into the directory `place`, and unpack them in `target`.

        The archive may have moved on since its lists were fetched: then they are fetched again.

        Raises:
            InfrastructureError: a package cannot be downloaded or unpacked.
        """
        try:
            self.run("apt-get", "download", *packages, cwd=place)
        except InfrastructureError:
            self.update(anew=True)
            self.run("apt-get", "download", *packages, cwd=place)
        for package in sorted(place.glob("*.deb")):
            done = processes.run(["dpkg-deb", "-x", str(package), str(target)])
            if done.returncode:
                raise InfrastructureError(f"{package.name} cannot be unpacked: {done.stderr.strip()}")
