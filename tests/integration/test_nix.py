# SPDX-License-Identifier: BSD-2-Clause
"""flake.nix of every framework, by real Nix; in the place of Nixpkgs there is nixpkgs.nix of this directory."""

import json
import re
import subprocess
from pathlib import Path

import pytest

from tests.integration.nix import Run, environment, evaluate, nix, store
from tests.integration.repositories import AUTHOR, DESCRIPTION, manifest, render
from tests.render.trees import CATALOG

SYSTEMS = ["aarch64-linux", "x86_64-linux"]
FOR_THE_GUEST = ["busybox", "qemu-system-x86_64"]
ALWAYS_THERE = ["cc", "wasm-ld"]  # in Nixpkgs' stdenv, and with its compiler for WASI
PATHS = "systems: builtins.mapAttrs (_: each: builtins.mapAttrs (_: made: made.drvPath) each) systems"


def succeed(done: Run) -> str:
    """Return what a command of Nix printed, which must have succeeded."""
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("framework", CATALOG)
def test_the_checks_pass_and_the_program_is_built(framework: str, tmp_path: Path) -> None:
    repository = render(framework, tmp_path, description=DESCRIPTION, author=AUTHOR)
    succeed(nix(repository, "flake check"))
    result = tmp_path / "result"
    succeed(nix(repository, "build", "--out-link", str(result)))
    assert result.readlink().is_relative_to(store())
    helped = subprocess.run([result / "bin/my-tool", "--help"], text=True, capture_output=True, check=True)
    assert DESCRIPTION in helped.stdout
    assert not (repository / "build").exists()


@pytest.mark.parametrize("framework", CATALOG)
def test_every_output_is_there_for_both_systems(framework: str, tmp_path: Path) -> None:
    repository = render(framework, tmp_path)
    for output, names in {"packages": ["default"], "devShells": ["default"], "checks": ["build", "lint"]}.items():
        found = json.loads(succeed(nix(repository, f"eval --json --apply '{PATHS}'", attribute=f"#{output}")))
        assert sorted(found) == SYSTEMS
        assert [sorted(each) for each in found.values()] == [names, names]


@pytest.mark.parametrize("framework", CATALOG)
def test_the_shell_has_what_the_targets_need(framework: str, tmp_path: Path) -> None:
    repository = render(framework, tmp_path)
    needs = [need for need in CATALOG[framework].needs if need.target]
    wanted = [[need.name, *need.aliases] for need in needs if need.name not in ALWAYS_THERE]
    wanted += [[name] for name in FOR_THE_GUEST]
    script = "".join(f"command -v {' || command -v '.join(names)} || echo no {names[0]}\n" for names in wanted)
    found = succeed(nix(repository, "develop", "--command", "sh", "-c", script)).splitlines()
    assert len(found) == len(wanted)
    assert [path for path in found if not path.startswith(f"{store()}/")] == []


def test_in_the_shell_the_test_boots_the_kernel_of_nixpkgs(tmp_path: Path) -> None:
    repository = render(next(iter(CATALOG)), tmp_path)
    told = succeed(nix(repository, "develop", "--command", "make", "-C", str(repository), "--dry-run", "test"))
    assert re.search(rf"-m vmtest --arch amd64 --kernel {store()}/[^/]*-linux/bzImage$", told, re.MULTILINE)


@pytest.mark.parametrize("framework", CATALOG)
def test_the_shell_packs(framework: str, tmp_path: Path) -> None:
    repository = render(framework, tmp_path)
    succeed(nix(repository, "develop", "--command", "make", "-C", str(repository), "dist"))
    files = {Path(file).name for file in manifest(repository)["guest"]["files"]}
    (packed,) = (path for path in (repository / "dist").iterdir() if path.is_dir())
    assert files <= {path.name for path in packed.iterdir()}


def test_of_busybox_the_shell_has_the_one_command_alone(tmp_path: Path) -> None:
    repository = render(next(iter(CATALOG)), tmp_path)
    listed = succeed(nix(repository, "develop", "--command", "sh", "-c", "ls $(dirname $(command -v busybox))"))
    assert listed.split() == ["busybox"]


@pytest.mark.parametrize(("name", "wrong"), [("nixpkgs.lib.genAttrs", "genAttr"), ("pkgs.mkShell", "mkShel")])
@pytest.mark.parametrize("framework", CATALOG)
def test_a_name_that_nixpkgs_has_not_is_refused(framework: str, name: str, wrong: str, tmp_path: Path) -> None:
    repository = changed(render(framework, tmp_path), name, f"{name.rpartition('.')[0]}.{wrong}")
    done = nix(repository, "flake check --no-build")
    assert done.returncode != 0
    assert f"attribute '{wrong}' missing" in done.stderr


@pytest.mark.parametrize("framework", CATALOG)
def test_a_tool_that_the_flake_does_not_name_is_missing(framework: str, tmp_path: Path) -> None:
    repository = changed(render(framework, tmp_path), r"^ *clang\n", "")
    done = nix(repository, "build", "--no-link")
    assert done.returncode != 0
    assert "clang is missing" in done.stderr


def changed(repository: Path, old: str, new: str) -> Path:
    """Replace what the pattern `old` finds in the repository's flake, once."""
    flake = repository / "flake.nix"
    text, times = re.subn(old, new, flake.read_text(), flags=re.MULTILINE)
    assert times == 1
    flake.write_text(text)
    return repository


@pytest.mark.parametrize("framework", [name for name, each in CATALOG.items() if each.language == "Go"])
def test_the_hash_of_the_go_modules_is_theirs(framework: str, tmp_path: Path) -> None:
    repository = render(framework, tmp_path)
    subprocess.run(["go", "mod", "vendor"], cwd=repository, check=True, capture_output=True)
    hashed = subprocess.run(
        ["nix", "hash", "path", "vendor"], cwd=repository, env=environment(), check=True, capture_output=True, text=True
    )
    assert f'vendorHash = "{hashed.stdout.strip()}";' in (repository / "flake.nix").read_text()


@pytest.mark.parametrize("framework", CATALOG)
def test_the_description_is_what_nix_reads(framework: str, tmp_path: Path) -> None:
    texts = [DESCRIPTION, "", "${x} $${x} $$ ''${x}'' '' \\${ \\n", "$"]
    for number, text in enumerate(texts):
        repository = render(framework, tmp_path / str(number), description=text)
        assert evaluate(repository / "flake.nix", "flake.description") == (text or "my-tool")


@pytest.mark.parametrize("framework", CATALOG)
def test_direnv_brings_the_shell(framework: str, tmp_path: Path) -> None:
    repository = render(framework, tmp_path)
    succeed(nix(repository, "flake lock", lock=True))
    succeed(direnv(repository, "allow"))
    assert succeed(direnv(repository, "exec", ".", "sh", "-c", "command -v clang")).startswith(f"{store()}/")


def direnv(repository: Path, *arguments: str) -> Run:
    """Run direnv in the repository, with the same store."""
    return subprocess.run(
        ["direnv", *arguments], cwd=repository, env=environment(), text=True, capture_output=True, check=False
    )
