# SPDX-License-Identifier: BSD-2-Clause
"""What only a repository of eunomia-bpf has: ecli's log, YAML, a WASM module, and a container registry."""

import json
import os
import re
import subprocess
import sys
import zlib
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.integration.conftest import new_project
from tests.integration.oci_registry import Registry, running_registry
from tests.integration.repositories import make, render, succeed
from tests.toolchains import RELEASES


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a built eunomia-bpf project. Tests must not change its sources."""
    return new_project(tmp_path_factory.mktemp("eunomia"), "eunomia", "hello")


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    """Return an empty container registry."""
    with running_registry(tmp_path_factory.mktemp("registry")) as running:
        yield running


def test_the_package_contains_the_object_and_no_path_of_this_machine(project: Path) -> None:
    package = json.loads((project / "build/package.json").read_text())
    program = zlib.decompress(b64decode(package["bpf_object"]))
    assert program == (project / "build/minimal.bpf.o").read_bytes()
    assert len(program) == package["bpf_object_size"]
    assert b"./src/minimal.bpf.c" in program
    assert not re.search(rb"/(tmp|home|root)/", program)


def test_a_failed_test_shows_the_log_of_ecli(project: Path, tmp_path: Path) -> None:
    manifest = tmp_path / "vmtest.toml"
    text = (project / "test/vmtest.toml").read_text()
    manifest.write_text(text.replace("BPF triggered", "BPF never triggered"))
    command = [sys.executable, "-m", "vmtest", "--manifest", str(manifest), "--kernel", "6.1"]
    environment = os.environ | {"PYTHONPATH": "test", "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(command, cwd=project, env=environment, text=True, capture_output=True, check=False)
    assert done.returncode == 1
    assert "Running ebpf program..." in done.stdout
    assert "Program exited" in done.stdout


def test_yaml_and_json_are_equal(project: Path) -> None:
    succeed(project, "yaml")
    package = yaml.safe_load((project / "build/package.yaml").read_text())
    assert package == json.loads((project / "build/package.json").read_text())


def test_the_module_runs_in_guests(project: Path) -> None:
    output = succeed(project, "test-wasm", "KERNEL=6.1 6.12")
    assert output.count("PASS    hello on ") == 2
    assert output.count("BPF triggered sys_enter_write from PID") == 2


def test_the_module_prints_its_usage_for_unknown_arguments(project: Path) -> None:
    succeed(project, "wasm")
    command = ["timeout", "--signal=INT", "3", "build/ecli", "run", "build/hello.wasm", "--", "--pid", "1"]
    done = subprocess.run(command, cwd=project, text=True, capture_output=True, check=False)
    assert "Usage: ecli run MODULE" in done.stdout + done.stderr


def test_pull_returns_the_pushed_package(project: Path, registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in registry.environment.items():
        monkeypatch.setenv(name, value)
    image = f"IMAGE={registry.host}/ada/hello:1.0"
    succeed(project, "push", image)
    succeed(project, "pull", image)
    assert (project / "build/pulled.json").read_bytes() == (project / "build/package.json").read_bytes()


@pytest.mark.parametrize("target", ["push", "pull"])
def test_a_missing_image_name_is_reported_in_one_line(project: Path, target: str) -> None:
    done = make(project, target)
    assert done.returncode != 0
    assert done.stdout.count("\n") == 1
    assert f'IMAGE is missing: run "make {target} IMAGE=registry/name:tag"' in done.stdout


def test_a_compiler_error_has_its_position(tmp_path: Path) -> None:
    repository = render("eunomia", tmp_path)
    source = repository / "src/minimal.bpf.c"
    source.write_text(source.read_text().replace("return 0;", "return undefined;"))
    done = make(repository)
    assert done.returncode != 0
    assert "src/minimal.bpf.c:21:10: error: use of undeclared identifier 'undefined'" in done.stdout
    assert "panicked" not in done.stdout


def test_a_warning_in_the_program_fails_lint(tmp_path: Path) -> None:
    repository = render("eunomia", tmp_path)
    source = repository / "src/minimal.bpf.c"
    source.write_text(source.read_text().replace("pid_t pid =", "int unused;\n\tpid_t pid ="))
    succeed(repository)
    done = make(repository, "lint")
    assert done.returncode != 0
    assert "unused variable 'unused'" in done.stdout


def without_eunomia(directory: Path) -> str:
    """Fill `directory` with links to all programs on PATH except ecc, ecli and cargo; return it as a PATH."""
    directory.mkdir()
    for source in os.environ["PATH"].split(":"):
        for program in Path(source).glob("*"):
            link = directory / program.name
            if not program.name.startswith(("ecc", "ecli", "cargo")) and not link.is_symlink():
                link.symlink_to(program)
    return str(directory)


def test_deps_uses_the_tools_on_path(tmp_path: Path) -> None:
    repository = render("eunomia", tmp_path)
    done = subprocess.run(["sh", "tools/deps.sh"], cwd=repository, text=True, capture_output=True, check=True)
    assert [Path(line).name.removesuffix("-rs") for line in done.stdout.splitlines()] == ["ecc", "ecli"]
    assert list((repository / ".tools").iterdir()) == []


def test_deps_without_a_release_or_cargo_names_the_missing_tools(tmp_path: Path) -> None:
    repository = render("eunomia", tmp_path)
    script = repository / "tools/deps.sh"
    script.write_text(script.read_text().replace("https://github.com", "https://localhost:1"))
    environment = os.environ | {"PATH": without_eunomia(tmp_path / "path")}
    done = subprocess.run(["sh", script], cwd=repository, env=environment, text=True, capture_output=True, check=False)
    assert done.returncode == 1
    refused, no_cargo, missing, hint = done.stderr.splitlines()
    assert refused.startswith("curl: ")
    assert no_cargo.startswith("warning: cargo is missing: ")
    assert missing == "error: ecc is missing" and hint.startswith("hint: cargo install ecc-rs")
    assert list((repository / ".tools").iterdir()) == []


def with_releases(repository: Path) -> Path:
    """Change tools/deps.sh to download the releases that tools/eunomia/release.sh built, and return the script."""
    script = repository / "tools/deps.sh"
    script.write_text(re.sub("^release=.*", f"release=file://{RELEASES}", script.read_text(), flags=re.MULTILINE))
    return script


def test_make_finds_the_tools_that_deps_downloaded(project: Path, tmp_path: Path) -> None:
    repository = render("eunomia", tmp_path)
    path = without_eunomia(tmp_path / "path")
    for name in ("ecc", "ecli"):
        program = tmp_path / "path" / name
        program.write_bytes(b"\x7fELF\2\1\1\0AI\2\0")  # the head of an AppImage
        program.chmod(0o755)
    subprocess.run(["sh", with_releases(repository)], cwd=repository, env=os.environ | {"PATH": path}, check=True)
    done = make(repository, path=path)
    assert done.returncode == 0, done.stdout
    assert {file.name for file in (repository / ".tools").iterdir()} == {"ecc", "ecc.release", "ecli", "ecli.release"}
    assert (repository / "build/package.json").read_bytes() == (project / "build/package.json").read_bytes()


def test_the_archive_for_another_architecture_has_its_ecli(tmp_path: Path) -> None:
    repository = render("eunomia", tmp_path)
    missing = make(repository, "dist", "ARCH=arm64")
    assert 'ecli for aarch64 is missing: run "make deps ARCH=aarch64"' in missing.stdout
    subprocess.run(["sh", with_releases(repository), "aarch64"], cwd=repository, check=True, capture_output=True)
    done = make(repository, "dist", "ARCH=arm64")
    assert done.returncode == 0, done.stdout
    readelf = ["readelf", "--file-header", str(repository / "dist/my-tool-aarch64/ecli")]
    assert "AArch64" in subprocess.run(readelf, capture_output=True, text=True, check=True).stdout
