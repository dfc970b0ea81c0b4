# SPDX-License-Identifier: BSD-2-Clause
"""The doctor prints the install command of the distribution that it runs on."""

import re
from pathlib import Path

import pytest

from scaffold.doctor.distribution import PACKAGE_MANAGERS, find_distribution, install_command, need_fix
from scaffold.doctor.host import Host
from scaffold.doctor.needs import Need
from scaffold.project.catalog import Framework, load_catalog
from scaffold.vmtest.architecture import ARCHITECTURES

CATALOG = load_catalog()
NEEDS = {need.name: need for each in CATALOG.values() for need in (*each.needs, *each.runner_needs)}
# os-release, the commands on PATH (some systems have nix too), and the expected command.
SYSTEMS = {
    "Debian": ("ID=debian\nVERSION_ID='12'\n", ["apt-get", "nix-shell"], "apt-get install clang"),
    "Ubuntu": ("ID=ubuntu\nID_LIKE=debian\n", ["apt-get"], "apt-get install clang"),
    "Mint": ('ID=linuxmint\nID_LIKE="ubuntu debian"\n', ["apt-get"], "apt-get install clang"),
    "Fedora": ("NAME='Fedora Linux'\nID=fedora\n", ["nix-shell", "dnf"], "dnf install clang"),
    "Rocky": ('ID="rocky"\nID_LIKE="rhel centos fedora"\n', ["dnf"], "dnf install clang"),
    "Arch": ("ID=arch\n", ["pacman"], "pacman -S clang"),
    "Tumbleweed": ('ID="opensuse-tumbleweed"\nID_LIKE="opensuse suse"\n', ["zypper"], "zypper install clang"),
    "Alpine": ("ID=alpine\n", ["apk"], "apk add clang"),
    "NixOS": ("ID=nixos\n", ["nix-shell"], "nix-shell -p clang"),
    "unknown, with apt": ("", ["apt-get"], "apt-get install clang"),
    "invalid": ("ID=\"debian\n'\n=\n", ["apt-get"], "apt-get install clang"),
    "unknown": ("ID=slackware\n", [], "install clang (on Debian: clang)"),
}


def fake_host(directory: Path, release: str, commands: list[str]) -> Host:
    """Return a host with this os-release, and with empty commands of these names on PATH."""
    (directory / "etc").mkdir()
    (directory / "etc/os-release").write_text(release)
    (directory / "bin").mkdir()
    for name in commands:
        (directory / "bin" / name).touch(mode=0o755)
    return Host(directory, directory, directory, str(directory / "bin"))


@pytest.mark.parametrize("system", SYSTEMS)
def test_fix_is_the_command_of_the_distribution(system: str, tmp_path: Path) -> None:
    release, commands, command = SYSTEMS[system]
    host = fake_host(tmp_path, release, [*commands, "sudo"])
    fix = need_fix(NEEDS["clang"], find_distribution(host), host)
    assert fix.removeprefix("sudo ") == command


def test_package_names_of_ubuntu_differ_from_debian(tmp_path: Path) -> None:
    host = fake_host(tmp_path, SYSTEMS["Ubuntu"][0], ["apt-get"])
    assert find_distribution(host).package(NEEDS["bpftool"]) == "linux-tools-generic"


def test_one_command_installs_each_package_once(tmp_path: Path) -> None:
    host = fake_host(tmp_path, SYSTEMS["NixOS"][0], ["nix-shell"])
    assert install_command(["go", "clang", "go"], find_distribution(host), host) == "nix-shell -p go clang"


@pytest.mark.parametrize("need", NEEDS.values(), ids=lambda value: value.name)
def test_every_need_has_a_package_in_each_distribution_or_a_command(need: Need) -> None:
    assert need.install_command or {manager.name for manager in PACKAGE_MANAGERS} <= set(need.packages)
    known = {manager.name for manager in PACKAGE_MANAGERS} | {
        name for manager in PACKAGE_MANAGERS for name in manager.distributions
    }
    assert set(need.packages) <= known
    assert need.target or need.header


def test_runner_and_needs_name_the_same_debian_packages() -> None:
    assert {each.qemu: each.qemu_package for each in ARCHITECTURES.values()} | {"busybox": "busybox-static"} == {
        need.name: need.package for need in next(iter(CATALOG.values())).runner_needs
    }


@pytest.mark.parametrize("framework", CATALOG.values(), ids=lambda value: value.name)
def test_make_deps_names_the_dnf_packages(framework: Framework) -> None:
    (makefile,) = framework.directory.glob("*/Makefile")
    (listed,) = re.findall(r"^DNF := ((?:.*\\\n)*.*)$", makefile.read_text(), re.MULTILINE)
    needed = {need.packages["dnf"] for need in framework.needs if not need.install_command and need.target != "test"}
    # The package of a static library depends on that of the shared one.
    assert {name for name in needed if not {name, f"{name}-static"} & set(listed.split())} == set()
