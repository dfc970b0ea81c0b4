# SPDX-License-Identifier: BSD-2-Clause
"""The command that mends is the one of this distribution."""

import re
from pathlib import Path

import pytest

from scaffold.doctor.distribution import PACKAGE_MANAGERS, find_distribution, install, installs
from scaffold.doctor.host import Host
from scaffold.doctor.needs import Need
from scaffold.project.catalog import Framework, load_catalog
from scaffold.vmtest.architecture import ARCHITECTURES

CATALOG = load_catalog()
NEEDS = {need.name: need for each in CATALOG.values() for need in (*each.needs, *each.runner_needs)}
# What os-release says there, and what is on PATH, nix on some of them too.
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
    "none of them, with apt": ("", ["apt-get"], "apt-get install clang"),
    "broken": ("ID=\"debian\n'\n=\n", ["apt-get"], "apt-get install clang"),
    "none of them": ("ID=slackware\n", [], "install clang (on Debian: clang)"),
}


def machine(directory: Path, release: str, commands: list[str]) -> Host:
    """A machine that has this os-release, and commands of these names."""
    (directory / "etc").mkdir()
    (directory / "etc/os-release").write_text(release)
    (directory / "bin").mkdir()
    for name in commands:
        (directory / "bin" / name).touch(mode=0o755)
    return Host(directory, directory, directory, str(directory / "bin"))


@pytest.mark.parametrize("system", SYSTEMS)
def test_the_command_is_of_this_distribution(system: str, tmp_path: Path) -> None:
    release, commands, command = SYSTEMS[system]
    host = machine(tmp_path, release, [*commands, "sudo"])
    shown = installs(NEEDS["clang"], find_distribution(host), host)
    assert shown.removeprefix("sudo ") == command


def test_what_ubuntu_calls_otherwise_than_debian(tmp_path: Path) -> None:
    host = machine(tmp_path, SYSTEMS["Ubuntu"][0], ["apt-get"])
    assert find_distribution(host).package(NEEDS["bpftool"]) == "linux-tools-generic"


def test_one_command_installs_all_packages_each_once(tmp_path: Path) -> None:
    host = machine(tmp_path, SYSTEMS["NixOS"][0], ["nix-shell"])
    assert install(["go", "clang", "go"], find_distribution(host), host) == "nix-shell -p go clang"


@pytest.mark.parametrize("need", NEEDS.values(), ids=lambda each: each.name)
def test_every_need_has_a_name_everywhere_or_a_command(need: Need) -> None:
    assert need.installs or {each.name for each in PACKAGE_MANAGERS} <= set(need.packages)
    known = {each.name for each in PACKAGE_MANAGERS} | {
        name for each in PACKAGE_MANAGERS for name in each.distributions
    }
    assert set(need.packages) <= known
    assert need.target or need.header


def test_the_runner_and_the_needs_agree_on_debians_packages() -> None:
    assert {each.qemu: each.qemu_package for each in ARCHITECTURES.values()} | {"busybox": "busybox-static"} == {
        need.name: need.package for need in next(iter(CATALOG.values())).runner_needs
    }


@pytest.mark.parametrize("framework", CATALOG.values(), ids=lambda each: each.name)
def test_dnf_installs_what_make_deps_names(framework: Framework) -> None:
    (makefile,) = framework.directory.glob("*/Makefile")
    (listed,) = re.findall(r"^DNF := ((?:.*\\\n)*.*)$", makefile.read_text(), re.MULTILINE)
    needed = {need.packages["dnf"] for need in framework.needs if not need.installs and need.target != "test"}
    # A static library brings the shared one.
    assert {name for name in needed if not {name, f"{name}-static"} & set(listed.split())} == set()
