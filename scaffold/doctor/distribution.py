# SPDX-License-Identifier: BSD-2-Clause
"""The distribution of a machine, and its command that installs packages.

Source: os-release(5).
"""

from collections.abc import Iterable
from dataclasses import dataclass

from .finding import Finding, Status
from .host import Host
from .needs import DEBIAN, Need


@dataclass(frozen=True)
class PackageManager:
    """A program that installs packages. needs.toml names packages by its `name`."""

    name: str
    program: str
    install: str  # the command, without the packages
    distributions: frozenset[str]  # values of ID or ID_LIKE in os-release
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
    """A distribution: its ID and the IDs that it is similar to, and its package manager if that is a known one."""

    names: tuple[str, ...]
    manager: PackageManager | None

    def package(self, need: Need) -> str:
        """Return the name of the package with `need` in this distribution; "" if it is unknown."""
        keys = [*self.names, self.manager.name] if self.manager else list(self.names)
        return next((need.packages[key] for key in keys if key in need.packages), "")


def find_distribution(host: Host) -> Distribution:
    """Return the distribution of `host` with its own package manager, or with any other that is on PATH."""
    text = host.read_text("etc/os-release") or host.read_text("usr/lib/os-release")
    values = {key: value.strip("\"'") for key, _, value in (line.partition("=") for line in text.splitlines())}
    names = (*values.get("ID", "").split(), *values.get("ID_LIKE", "").split())
    own = [manager for manager in PACKAGE_MANAGERS if manager.distributions & set(names)]
    installed = (manager for manager in (*own, *PACKAGE_MANAGERS) if host.which(manager.program))
    return Distribution(names, next(installed, None))


def install_command(packages: Iterable[str], distribution: Distribution, host: Host) -> str:
    """Return the command that installs `packages`, or "install ..." if the package manager is unknown."""
    names = " ".join(dict.fromkeys(packages))
    manager = distribution.manager
    if manager is None:
        return f"install {names}"
    command = f"{manager.install} {names}"
    return host.as_root(command) if manager.needs_root else command


def need_fix(need: Need, distribution: Distribution, host: Host) -> str:
    """Return the command that installs `need`, or what to install if the command is unknown."""
    if need.install_command:
        return need.install_command
    package = distribution.package(need)
    if not package:
        return f"install {need.name} (on Debian: {need.package})"
    return install_command([package], distribution, host)


def missing_packages_fix(findings: Iterable[Finding], distribution: Distribution, host: Host) -> str:
    """Return one command that installs the packages of all findings that are not OK; "" if there are none."""
    packages = [finding.package for finding in findings if finding.status != Status.OK and finding.package]
    return install_command(packages, distribution, host) if packages else ""
