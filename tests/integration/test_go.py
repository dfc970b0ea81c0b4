# SPDX-License-Identifier: BSD-2-Clause
"""Check the Go template with Go's own tools: module paths, an old Go, cross-compilation, and golangci-lint."""

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from scaffold.project.go_module import module_path_problem
from tests.integration.repositories import make, render, succeed
from tests.unit.project.test_go_module import BAD

OLD_GO = "go1.24.4"  # of the last series that is too old for the template; go downloads it
ELEMENTS = st.text("abAZ019-._~", max_size=6) | st.sampled_from("con Aux.x v1 v2 v0 go vendor internal a~1".split())
HOSTS = st.sampled_from("example.com github.com a.b x-y.z Example.com localhost -a.b a.-b a..b".split())
PATHS = st.tuples(HOSTS, st.lists(ELEMENTS, max_size=3)).map(lambda parts: "/".join([parts[0], *parts[1]]))


def is_accepted_by_go(path: str, directory: Path) -> bool:
    """Return whether Go creates a module with this path in `directory` and finds its package."""
    (directory / "go.mod").unlink(missing_ok=True)
    (directory / "main.go").write_text("package main\n\nfunc main() {}\n")
    for command in (["go", "mod", "init", path], ["go", "list", "."]):
        if subprocess.run(command, cwd=directory, capture_output=True, check=False).returncode:
            return False
    return True


@settings(max_examples=200, deadline=None, phases=(Phase.explicit, Phase.generate))
@given(path=PATHS)
def test_go_accepts_every_valid_module_path(path: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    if module_path_problem(path) is None:
        assert is_accepted_by_go(path, tmp_path_factory.mktemp("module"))


# Go creates these modules, but reserves paths without a host for its own library, and cannot import the others.
STRICTER = {"hello", "fmt/hello", "Example.com/hello", "example.com/.hello"}


@pytest.mark.parametrize("path", [path for path in BAD if path not in STRICTER])
def test_go_refuses_the_invalid_module_paths(path: str, tmp_path: Path) -> None:
    assert not path or not is_accepted_by_go(path, tmp_path)


def test_an_old_go_is_reported_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    repository = render("cilium", tmp_path)
    monkeypatch.setenv("GOTOOLCHAIN", OLD_GO)
    done = make(repository)
    assert done.returncode != 0
    (line,) = done.stdout.splitlines()
    message = f"go is too old: {OLD_GO} cannot read go.mod; install Go 1.25 or newer, https://go.dev/dl"
    assert message in line
    command = [sys.executable, "-m", "scaffold", "test", str(repository), "--kernel", "6.1"]
    done = subprocess.run(command, text=True, capture_output=True, check=False)
    assert done.returncode == 1
    assert done.stdout.splitlines()[1:] == [f"        the build failed: {message}"]


def test_an_error_in_go_mod_is_reported_with_its_line(tmp_path: Path) -> None:
    repository = render("cilium", tmp_path)
    module = repository / "go.mod"
    module.write_text(module.read_text() + "requir example.com/other v1.0.0\n")
    done = make(repository)
    assert done.returncode != 0
    assert f"go.mod:{len(module.read_text().splitlines())}: unknown directive: requir" in done.stdout
    assert "too old" not in done.stdout


def test_module_files_are_complete(tmp_path: Path) -> None:
    repository = render("cilium", tmp_path, owner="ada")
    assert "module github.com/ada/my-tool\n" in (repository / "go.mod").read_text()
    succeed(repository)
    subprocess.run(["go", "mod", "tidy", "-diff"], cwd=repository, check=True)
    subprocess.run(["go", "mod", "verify"], cwd=repository, check=True)


def test_it_builds_for_another_architecture(tmp_path: Path) -> None:
    repository = render("cilium", tmp_path)
    succeed(repository)
    succeed(repository, "build", "dist", "ARCH=arm64")
    for program in ("build/my-tool", "dist/my-tool-aarch64/my-tool"):
        readelf = ["readelf", "--file-header", str(repository / program)]
        assert "AArch64" in subprocess.run(readelf, capture_output=True, text=True, check=True).stdout
    assert (repository / "dist/my-tool-aarch64.tar.gz").is_file()
    assert "Nothing to be done" in succeed(repository, "ARCH=arm64")
    succeed(repository)
    assert "Nothing to be done" in succeed(repository)


def test_golangci_lint_passes(tmp_path: Path) -> None:
    repository = render("cilium", tmp_path)
    succeed(repository)
    for arguments in (["config", "verify"], ["run"], ["fmt", "--diff"]):
        done = subprocess.run(
            ["golangci-lint", *arguments], cwd=repository, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
