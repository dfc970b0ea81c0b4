# SPDX-License-Identifier: BSD-2-Clause
"""Check the names, lock file and settings of a libbpf-rs project with real cargo."""

import dataclasses
import subprocess
import tomllib
from pathlib import Path

import pytest

from scaffold.generate.render import render as render_with
from scaffold.project.model import Project
from tests.cargo_target import cargo_target
from tests.integration.repositories import make, render, succeed
from tests.render.trees import CATALOG, project

LIBBPF_RS = CATALOG["libbpf-rs"]
RESERVED, KEYWORDS, LIBRARIES, LOCKED = LIBBPF_RS.reserved_names[:4]
# Names that cargo, which sorts by bytes, puts before, between and after the packages of Cargo.lock.
NAMES = "A Zed a an anyhow-x anyhow0 anyhow_x clap_ clap-z libbpf m proc_macro2 syn- zz z-".split()


def resolve(repository: Path) -> subprocess.CompletedProcess[str]:
    """Let cargo compare Cargo.lock with Cargo.toml, offline, with the packages that a build on Linux downloads."""
    linux = "x86_64-unknown-linux-gnu"
    return cargo(repository, "metadata", "--format-version=1", "--filter-platform", linux, "--locked", "--offline")


def cargo(directory: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run cargo and return the finished process."""
    return subprocess.run(["cargo", *arguments], cwd=directory, text=True, capture_output=True, check=False)


@pytest.mark.parametrize("name", sorted(RESERVED.names | KEYWORDS.names))
def test_cargo_refuses_the_reserved_names(name: str, tmp_path: Path) -> None:
    done = cargo(tmp_path, "new", "--vcs", "none", "--name", name, "project")
    assert done.returncode != 0
    # The rest of the message differs between versions.
    assert f"`{name}`" in done.stderr and "package name" in done.stderr


@pytest.mark.parametrize("name", sorted(LIBRARIES.names))
def test_cargo_warns_about_names_of_rusts_libraries(name: str, tmp_path: Path) -> None:
    done = cargo(tmp_path, "new", "--vcs", "none", "--name", name, "project")
    assert "Rust's standard library" in done.stderr


def test_every_package_in_the_lock_file_is_reserved(tmp_path: Path) -> None:
    repository = render("libbpf-rs", tmp_path)
    packages = tomllib.loads((repository / "Cargo.lock").read_text())["package"]
    assert {package["name"] for package in packages} - {repository.name} == LOCKED.names


@pytest.mark.parametrize("name", ["anyhow", "libbpf-rs", "windows-sys"])
def test_a_project_named_like_a_locked_package_does_not_build(name: str, tmp_path: Path) -> None:
    unreserved = dataclasses.replace(LIBBPF_RS, reserved_names=())
    answers = project("libbpf-rs").answers() | {"name": name}
    repository = render_with(Project.of(answers, {"libbpf-rs": unreserved}), unreserved, tmp_path)
    done = resolve(repository)
    assert "cannot update the lock file" in done.stderr or "needs to be updated" in done.stderr


@pytest.mark.parametrize("name", NAMES)
def test_the_lock_file_is_up_to_date(name: str, tmp_path: Path) -> None:
    repository = render("libbpf-rs", tmp_path, name=name)
    done = resolve(repository)
    assert done.returncode == 0, done.stderr


def test_an_old_cargo_is_reported_in_one_line(tmp_path: Path) -> None:
    repository = render("libbpf-rs", tmp_path)
    manifest = repository / "Cargo.toml"
    manifest.write_text(manifest.read_text().replace('rust-version = "1.', 'rust-version = "9.'))
    done = make(repository)
    assert done.returncode != 0
    assert done.stdout.count("\n") == 1
    assert "cargo is too old" in done.stdout and "https://rustup.rs" in done.stdout


@pytest.mark.parametrize("directory", ["my projects", "it's", "100%", "a:b"])
def test_a_path_that_libbpf_does_not_support_is_reported_in_one_line(directory: str, tmp_path: Path) -> None:
    repository = render("libbpf-rs", tmp_path / directory)
    done = make(repository, "CARGO_TARGET_DIR=build/cargo")
    assert done.returncode != 0
    (line,) = done.stdout.splitlines()
    assert "libbpf cannot be compiled in a directory whose path has" in line
    assert "run make CARGO_TARGET_DIR=/another/path" in line


def test_the_program_contains_no_path_of_this_machine(tmp_path: Path) -> None:
    repository = render("libbpf-rs", tmp_path)
    succeed(repository)
    program = (repository / "build" / repository.name).read_bytes()
    assert b"target/release/build/" in program
    directories = (Path.home(), tmp_path, cargo_target(repository))
    assert not [path for path in directories if f"{path}/".encode() in program]
