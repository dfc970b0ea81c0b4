# SPDX-License-Identifier: BSD-2-Clause
"""Run Nix with a store for the tests only, and with tests/integration/nixpkgs.nix in place of every flake input."""

import json
import os
import re
import shlex
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

from tests.cargo_target import cargo_target
from tests.conftest import CompletedProcess

# Nixpkgs has packages for these commands: a derivation gets them only if the flake names the package.
PACKAGED_COMMANDS = (
    "bpftool cargo cargo-clippy cargo-fmt clang clang-format clippy-driver ecc-rs ecli-rs go gofmt llvm-strip "
    "pkg-config python3 qemu-system-x86_64 rustc rustfmt shellcheck busybox"
).split()
PKG_CONFIG_MODULES = ("libbpf", "libelf", "zlib", "libzstd")
CONFIG = """\
experimental-features = nix-command flakes
sandbox = false
build-users-group =
substituters =
flake-registry =
"""


@cache
def _session_directory() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="nix-")


def store() -> Path:
    """Return the directory of this session's store. Nix uses no other."""
    return Path(_session_directory().name).resolve() / "store"


def environment() -> dict[str, str]:
    """Return an environment in which Nix writes below one directory only, and does not read the user's settings."""
    home = store().parent
    nix_directories = {f"NIX_{name.upper()}_DIR": str(home / name) for name in ("state", "log", "conf", "localstate")}
    xdg_directories = {f"XDG_{name}_HOME": str(home / name.lower()) for name in ("CACHE", "CONFIG", "DATA", "STATE")}
    temporary_directory = home / "tmp"
    temporary_directory.mkdir(exist_ok=True)
    settings = {"NIX_STORE_DIR": str(store()), "NIX_CONFIG": CONFIG, "TMPDIR": str(temporary_directory)}
    return {**os.environ, **nix_directories, **xdg_directories, **settings}


def evaluate(file: Path, expression: str) -> object:
    """Return the value of a Nix expression in which `flake` is the content of `file`, without a store."""
    command = ["nix-instantiate", "--store", "dummy://", "--eval", "--strict", "--json", "--expr"]
    whole = f"let flake = import (/. + {json.dumps(str(file))}); in {expression}"
    done = subprocess.run([*command, whole], check=True, capture_output=True, text=True, env=environment())
    return json.loads(done.stdout)


def nix(repository: Path, command: str, *options: str, attribute: str = "", lock: bool = False) -> CompletedProcess:
    """Run a `nix` command on the flake in `repository`. This machine's programs replace Nixpkgs.

    With `lock`, write the replacement into flake.lock, for commands that call Nix themselves.
    """
    nixpkgs = _write_nixpkgs(repository)
    inputs = evaluate(repository / "flake.nix", "builtins.attrNames flake.inputs")
    assert isinstance(inputs, list)
    settings = [word for name in inputs for word in ("--override-input", name, f"path:{nixpkgs}")]
    if not lock:
        settings.append("--no-write-lock-file")
    flake = f"path:{repository.resolve()}{attribute}"
    command_line = ["nix", *shlex.split(command), flake, *settings, *options]
    return subprocess.run(command_line, env=environment(), text=True, capture_output=True, check=False)


def _write_nixpkgs(repository: Path) -> Path:
    """Write the flake that replaces Nixpkgs for `repository`, and return its directory."""
    flake = Path(tempfile.mkdtemp(dir=_session_directory().name))
    shutil.copy(Path(__file__).with_name("nixpkgs.nix"), flake)
    (flake / "flake.nix").write_text(
        "{ outputs = _: import ./nixpkgs.nix (builtins.fromJSON (builtins.readFile ./machine.json)); }\n"
    )
    machine = {
        "bash": shutil.which("bash"),
        "base": str(_base_commands()),
        "commands": {name: _command_path(name) for name in (*PACKAGED_COMMANDS, "bash", "ls")},
        "modules": {name: _pkg_config_file(name) for name in PKG_CONFIG_MODULES},
        "environment": _user_environment(repository),
    }
    (flake / "machine.json").write_text(json.dumps(machine))
    return flake


@cache
def _base_commands() -> Path:
    """Return a directory with links to all commands of this machine except the packaged ones."""
    base = Path(_session_directory().name) / "base"
    base.mkdir()
    for directory in os.get_exec_path():
        for program in Path(directory).glob("*"):
            link = base / program.name
            if not re.match("|".join(map(re.escape, PACKAGED_COMMANDS)), program.name) and not link.is_symlink():
                link.symlink_to(program)
    return base


@cache
def _command_path(command: str) -> str:
    path = shutil.which(command, path=os.pathsep.join([*os.get_exec_path(), "/usr/sbin"]))
    assert path, f"{command} is not installed"
    return path


@cache
def _pkg_config_file(module: str) -> str:
    """Return the path of a .pc file. It may not exist: an older libelf does not need every module."""
    command = ["pkg-config", "--variable=pcfiledir", module]
    directory = subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
    return f"{directory}/{module}.pc"


def _user_environment(repository: Path) -> dict[str, str]:
    """Return the variables for the caches of Go and Rust, so that a build does not download anything."""
    variables = {"HOME": str(Path.home())}
    for name in ("CARGO_HOME", "RUSTUP_HOME", "GOPATH"):
        if name in os.environ:
            variables[name] = os.environ[name]
    if (repository / "go.mod").exists():
        command = ["go", "env", "GOCACHE", "GOMODCACHE", "GOFLAGS"]
        values = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
        variables |= dict(zip(command[2:], values, strict=True))
    if (repository / "Cargo.toml").exists():
        variables["CARGO_TARGET_DIR"] = str(cargo_target(repository))
    return variables
