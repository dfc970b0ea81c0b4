# SPDX-License-Identifier: BSD-2-Clause
"""Nix for the tests: a store of their own, and tests/integration/nixpkgs.nix for every input of a flake."""

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

HERE = Path(__file__).parent
# Nixpkgs has these in packages: a derivation sees them only if the flake asks for the package.
PACKAGED = (
    "bpftool cargo cargo-clippy cargo-fmt clang clang-format clippy-driver ecc-rs ecli-rs go gofmt llvm-strip "
    "pkg-config python3 qemu-system-x86_64 rustc rustfmt shellcheck busybox"
).split()
MODULES = ("libbpf", "libelf", "zlib", "libzstd")
CONFIG = """\
experimental-features = nix-command flakes
sandbox = false
build-users-group =
substituters =
flake-registry =
"""

Run = subprocess.CompletedProcess[str]


@cache
def _home() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="nix-")


def store() -> Path:
    """The directory of this session's store: nothing of Nix is elsewhere."""
    return Path(_home().name).resolve() / "store"


def environment() -> dict[str, str]:
    """What Nix is told: all that it writes goes below one directory, and it reads no one's settings."""
    home = store().parent
    places = {f"NIX_{name.upper()}_DIR": str(home / name) for name in ("state", "log", "conf", "localstate")}
    users = {f"XDG_{name}_HOME": str(home / name.lower()) for name in ("CACHE", "CONFIG", "DATA", "STATE")}
    temporary = home / "tmp"
    temporary.mkdir(exist_ok=True)
    own = {"NIX_STORE_DIR": str(store()), "NIX_CONFIG": CONFIG, "TMPDIR": str(temporary)}
    return {**os.environ, **places, **users, **own}


def evaluate(file: Path, expression: str) -> object:
    """Return the value of a Nix expression in which `flake` is what stands in `file`; no store is needed."""
    command = ["nix-instantiate", "--store", "dummy://", "--eval", "--strict", "--json", "--expr"]
    whole = f"let flake = import (/. + {json.dumps(str(file))}); in {expression}"
    done = subprocess.run([*command, whole], check=True, capture_output=True, text=True, env=environment())
    return json.loads(done.stdout)


def nix(repository: Path, command: str, *options: str, attribute: str = "", lock: bool = False) -> Run:
    """Run a command of Nix on the flake in `repository`, with this machine's programs for Nixpkgs.

    With `lock` it writes that into flake.lock, for commands that are run by others.
    """
    stub = _nixpkgs(repository)
    inputs = evaluate(repository / "flake.nix", "builtins.attrNames flake.inputs")
    assert isinstance(inputs, list)
    settings = [word for name in inputs for word in ("--override-input", name, f"path:{stub}")]
    if not lock:
        settings.append("--no-write-lock-file")
    flake = f"path:{repository.resolve()}{attribute}"
    command_line = ["nix", *shlex.split(command), flake, *settings, *options]
    return subprocess.run(command_line, env=environment(), text=True, capture_output=True, check=False)


def _nixpkgs(repository: Path) -> Path:
    """Write the flake that stands for Nixpkgs, with what is true of this machine and `repository`."""
    flake = Path(tempfile.mkdtemp(dir=_home().name))
    shutil.copy(HERE / "nixpkgs.nix", flake)
    (flake / "flake.nix").write_text(
        "{ outputs = _: import ./nixpkgs.nix (builtins.fromJSON (builtins.readFile ./machine.json)); }\n"
    )
    machine = {
        "bash": shutil.which("bash"),
        "base": str(_base()),
        "commands": {name: _path(name) for name in (*PACKAGED, "bash", "ls")},
        "modules": {name: _pkg_config(name) for name in MODULES},
        "environment": _of_the_user(repository),
    }
    (flake / "machine.json").write_text(json.dumps(machine))
    return flake


@cache
def _base() -> Path:
    """A directory with all commands of this machine but those that Nixpkgs has in packages."""
    base = Path(_home().name) / "base"
    base.mkdir()
    for place in os.get_exec_path():
        for program in Path(place).glob("*"):
            link = base / program.name
            if not re.match("|".join(map(re.escape, PACKAGED)), program.name) and not link.is_symlink():
                link.symlink_to(program)
    return base


@cache
def _path(command: str) -> str:
    path = shutil.which(command, path=os.pathsep.join([*os.get_exec_path(), "/usr/sbin"]))
    assert path, f"{command} is not installed"
    return path


@cache
def _pkg_config(module: str) -> str:
    """The path of a .pc file; where this machine has none, a libelf that is older asks for none."""
    command = ["pkg-config", "--variable=pcfiledir", module]
    place = subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
    return f"{place}/{module}.pc"


def _of_the_user(repository: Path) -> dict[str, str]:
    """Where Go and Rust have put what they fetched and compiled: a build fetches nothing here either."""
    known = {"HOME": str(Path.home())}
    for name in ("CARGO_HOME", "RUSTUP_HOME", "GOPATH"):
        if name in os.environ:
            known[name] = os.environ[name]
    if (repository / "go.mod").exists():
        command = ["go", "env", "GOCACHE", "GOMODCACHE", "GOFLAGS"]
        values = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
        known |= dict(zip(command[2:], values, strict=True))
    if (repository / "Cargo.toml").exists():
        known["CARGO_TARGET_DIR"] = str(cargo_target(repository))
    return known
