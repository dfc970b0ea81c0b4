# SPDX-License-Identifier: BSD-2-Clause
"""Run real Nix on flake.nix of every framework. nixpkgs.nix in this directory replaces Nixpkgs."""

import json
import re
import subprocess
from pathlib import Path

import pytest

from tests.conftest import CompletedProcess
from tests.integration.nix import environment, evaluate, nix, store
from tests.integration.repositories import AUTHOR, DESCRIPTION, manifest, render
from tests.render.trees import CATALOG

SYSTEMS = ["aarch64-linux", "x86_64-linux"]
GUEST_COMMANDS = ["busybox", "qemu-system-x86_64"]
STANDARD_COMMANDS = ["cc", "wasm-ld"]  # in Nixpkgs' stdenv and in its compiler for WASI
DERIVATIONS = "systems: builtins.mapAttrs (_: outputs: builtins.mapAttrs (_: output: output.drvPath) outputs) systems"


def succeed(done: CompletedProcess) -> str:
    """Check that a process succeeded, and return its stdout."""
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("framework", CATALOG)
def test_the_checks_pass_and_the_program_is_built(framework: str, tmp_path: Path) -> None:
    repository = render(framework, tmp_path, description=DESCRIPTION, author=AUTHOR)
    succeed(nix(repository, "flake check"))
    result = tmp_path / "result"
    succeed(nix(repository, "build", "--out-link", str(result)))
    assert result.readlink().is_relative_to(store())
    usage = subprocess.run([result / "bin/my-tool", "--help"], text=True, capture_output=True, check=True)
    assert DESCRIPTION in usage.stdout
    assert not (repository / "build").exists()


@pytest.mark.parametrize("framework", CATALOG)
def test_every_output_exists_for_both_systems(framework: str, tmp_path: Path) -> None:
    repository = render(framework, tmp_path)
    for output, names in {"packages": ["default"], "devShells": ["default"], "checks": ["build", "lint"]}.items():
        derivations = json.loads(
            succeed(nix(repository, f"eval --json --apply '{DERIVATIONS}'", attribute=f"#{output}"))
        )
        assert sorted(derivations) == SYSTEMS
        assert [sorted(outputs) for outputs in derivations.values()] == [names, names]


@pytest.mark.parametrize("framework", CATALOG)
def test_the_shell_has_every_tool_of_the_targets(framework: str, tmp_path: Path) -> None:
    repository = render(framework, tmp_path)
    needs = [need for need in CATALOG[framework].needs if need.target]
    tools = [[need.name, *need.aliases] for need in needs if need.name not in STANDARD_COMMANDS]
    tools += [[name] for name in GUEST_COMMANDS]
    script = "".join(f"command -v {' || command -v '.join(names)} || echo no {names[0]}\n" for names in tools)
    paths = succeed(nix(repository, "develop", "--command", "sh", "-c", script)).splitlines()
    assert len(paths) == len(tools)
    assert [path for path in paths if not path.startswith(f"{store()}/")] == []


def test_in_the_shell_the_test_boots_the_kernel_of_nixpkgs(tmp_path: Path) -> None:
    repository = render(next(iter(CATALOG)), tmp_path)
    commands = succeed(nix(repository, "develop", "--command", "make", "-C", str(repository), "--dry-run", "test"))
    assert re.search(rf"-m vmtest --arch amd64 --kernel {store()}/[^/]*-linux/bzImage$", commands, re.MULTILINE)


@pytest.mark.parametrize("framework", CATALOG)
def test_make_dist_works_in_the_shell(framework: str, tmp_path: Path) -> None:
    repository = render(framework, tmp_path)
    succeed(nix(repository, "develop", "--command", "make", "-C", str(repository), "dist"))
    files = {Path(file).name for file in manifest(repository)["guest"]["files"]}
    (directory,) = (path for path in (repository / "dist").iterdir() if path.is_dir())
    assert files <= {path.name for path in directory.iterdir()}


def test_busybox_adds_only_one_command_to_the_shell(tmp_path: Path) -> None:
    repository = render(next(iter(CATALOG)), tmp_path)
    commands = succeed(nix(repository, "develop", "--command", "sh", "-c", "ls $(dirname $(command -v busybox))"))
    assert commands.split() == ["busybox"]


@pytest.mark.parametrize(("name", "wrong"), [("nixpkgs.lib.genAttrs", "genAttr"), ("pkgs.mkShell", "mkShel")])
@pytest.mark.parametrize("framework", CATALOG)
def test_a_name_that_nixpkgs_does_not_define_is_refused(framework: str, name: str, wrong: str, tmp_path: Path) -> None:
    repository = change_flake(render(framework, tmp_path), name, f"{name.rpartition('.')[0]}.{wrong}")
    done = nix(repository, "flake check --no-build")
    assert done.returncode != 0
    assert f"attribute '{wrong}' missing" in done.stderr


@pytest.mark.parametrize("framework", CATALOG)
def test_a_tool_that_the_flake_does_not_name_is_missing(framework: str, tmp_path: Path) -> None:
    repository = change_flake(render(framework, tmp_path), r"^ *clang\n", "")
    done = nix(repository, "build", "--no-link")
    assert done.returncode != 0
    assert "clang is missing" in done.stderr


def change_flake(repository: Path, old: str, new: str) -> Path:
    """Replace the only match of the pattern `old` in the repository's flake, and return the repository."""
    flake = repository / "flake.nix"
    text, count = re.subn(old, new, flake.read_text(), flags=re.MULTILINE)
    assert count == 1
    flake.write_text(text)
    return repository


@pytest.mark.parametrize("framework", [name for name, entry in CATALOG.items() if entry.language == "Go"])
def test_the_flake_has_the_hash_of_the_go_modules(framework: str, tmp_path: Path) -> None:
    repository = render(framework, tmp_path)
    subprocess.run(["go", "mod", "vendor"], cwd=repository, check=True, capture_output=True)
    done = subprocess.run(
        ["nix", "hash", "path", "vendor"], cwd=repository, env=environment(), check=True, capture_output=True, text=True
    )
    assert f'vendorHash = "{done.stdout.strip()}";' in (repository / "flake.nix").read_text()


@pytest.mark.parametrize("framework", CATALOG)
def test_nix_reads_the_description_unchanged(framework: str, tmp_path: Path) -> None:
    texts = [DESCRIPTION, "", "${x} $${x} $$ ''${x}'' '' \\${ \\n", "$"]
    for number, text in enumerate(texts):
        repository = render(framework, tmp_path / str(number), description=text)
        assert evaluate(repository / "flake.nix", "flake.description") == (text or "my-tool")


@pytest.mark.parametrize("framework", CATALOG)
def test_direnv_loads_the_shell(framework: str, tmp_path: Path) -> None:
    repository = render(framework, tmp_path)
    succeed(nix(repository, "flake lock", lock=True))
    succeed(direnv(repository, "allow"))
    assert succeed(direnv(repository, "exec", ".", "sh", "-c", "command -v clang")).startswith(f"{store()}/")


def direnv(repository: Path, *arguments: str) -> CompletedProcess:
    """Run direnv in the repository, with the same Nix store."""
    return subprocess.run(
        ["direnv", *arguments], cwd=repository, env=environment(), text=True, capture_output=True, check=False
    )
