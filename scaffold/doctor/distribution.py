# SPDX-License-Identifier: BSD-2-Clause
"""Which distribution this is, and how it installs.

Source: os-release(5).
"""

from collections.abc import Iterable
from dataclasses import dataclass

from .finding import OK, Finding
from .host import Host
from .needs import DEBIAN, Need


@dataclass(frozen=True)
class PackageManager:
    """What installs packages: needs.toml names packages by its `name`."""

    name: str
    command: str
    install: str
    distributions: frozenset[str]  # ID or ID_LIKE in os-release
    needs_root: bool = True


PACKAGE_MANAGERS = (
    PackageManager(DEBIAN, "apt-get", "apt-get install", frozenset({"debian", "ubuntu"})),
    PackageManager("dnf", "dnf", "dnf install", frozenset({"fedora", "rhel", "centos"})),
    PackageManager("pacman", "pacman", "pacman -S", frozenset({"arch", "archarm"})),
    PackageManager("zypper", "zypper", "zypper install", frozenset({"suse", "opensuse", "sles"})),
    PackageManager("apk", "apk", "apk add", frozenset({"alpine"})),
    PackageManager("nix", "nix-shell", "nix-shell -p", frozenset({"nixos"}), needs_root=False),
)


@dataclass(frozen=True)
class Distribution:
    """`names` are its own ID and those that it is like; there is no `manager` where none of the known ones is."""

    names: tuple[str, ...]
    manager: PackageManager | None

    def package(self, need: Need) -> str:
        """Return what this distribution calls the package of `need`; "" when that is not known."""
        keys = [*self.names, self.manager.name] if self.manager else list(self.names)
        return next((need.packages[key] for key in keys if key in need.packages), "")


def find_distribution(host: Host) -> Distribution:
    """Return the distribution that os-release names, with what is on PATH to install: its own, or else any."""
    text = host.text("etc/os-release") or host.text("usr/lib/os-release")
    values = {key: value.strip("\"'") for key, _, value in (line.partition("=") for line in text.splitlines())}
    names = (*values.get("ID", "").split(), *values.get("ID_LIKE", "").split())
    own = [each for each in PACKAGE_MANAGERS if each.distributions & set(names)]
    there = [each for each in (*own, *PACKAGE_MANAGERS) if host.which(each.command)]
    return Distribution(names, there[0] if there else None)


def install(packages: Iterable[str], distribution: Distribution, host: Host) -> str:
    """Return the command that installs `packages`, or what to do where none of the known ones is on PATH."""
    words = " ".join(dict.fromkeys(packages))
    manager = distribution.manager
    if manager is None:
        return f"install {words}"
    command = f"{manager.install} {words}"
    return host.as_root(command) if manager.needs_root else command


def installs(need: Need, distribution: Distribution, host: Host) -> str:
    """Return the command that installs `need` here, or what to do where there is none."""
    if need.installs:
        return need.installs
    package = distribution.package(need)
    return install([package], distribution, host) if package else f"install {need.name} (on Debian: {need.package})"


def install_all(findings: Iterable[Finding], host: Host, distribution: Distribution) -> str:
    """Return the command that installs all packages that were found missing; "" when there are none."""
    packages = [finding.package for finding in findings if finding.status != OK and finding.package]
    return install(packages, distribution, host) if packages else ""
