# SPDX-License-Identifier: BSD-2-Clause
"""The targets of a generated Makefile on this machine, except those that boot a VM."""

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tarfile
import time
from pathlib import Path

import pytest

from scaffold.doctor.needs import Need
from tests.conftest import git
from tests.integration.repositories import DESCRIPTION, files_of, framework_of, guest_files, make, render, succeed
from tests.render.trees import CATALOG, LICENSES

TOOLS = [(name, need) for name in CATALOG for need in CATALOG[name].needs if need.target]


@pytest.fixture
def repository(built: Path, tmp_path: Path) -> Path:
    """Return a copy of the built repository. Tests may change it."""
    return Path(shutil.copytree(built, tmp_path / built.name, symlinks=True))


def test_a_second_make_does_nothing(built: Path) -> None:
    assert make(built, "--question").returncode == 0


def test_make_rebuilds_after_a_change(repository: Path) -> None:
    before = guest_files(repository)
    (program,) = repository.glob("**/*.bpf.c")
    program.write_text(program.read_text().replace("from PID", "by PID"))
    assert make(repository, "--question").returncode == 1
    succeed(repository)
    assert guest_files(repository) != before


def test_it_builds_in_a_directory_with_special_characters(repository: Path) -> None:
    moved = repository.rename(repository.parent / "my projects' $HOME")
    succeed(moved, "clean")
    succeed(moved, "build", "dist")


def test_lint_passes(built: Path) -> None:
    succeed(built, "lint")


@pytest.mark.parametrize("framework", CATALOG)
@pytest.mark.parametrize("text", ["", "x" * 300, "It\u2019s \u201cplain\u201d"], ids=["empty", "long", "typeset"])
def test_lint_passes_with_any_texts(framework: str, text: str, tmp_path: Path) -> None:
    succeed(render(framework, tmp_path, description=text, author=text), "lint")


def test_fmt_changes_nothing(repository: Path) -> None:
    before = {path: path.read_bytes() for path in repository.glob("src/*")}
    succeed(repository, "fmt")
    assert before == {path: path.read_bytes() for path in repository.glob("src/*")}


def test_help_names_the_project_and_every_target(built: Path) -> None:
    text = succeed(built, "help")
    phony = re.findall(r"^\.PHONY: (.*)$", (built / "Makefile").read_text(), re.MULTILINE)[0].split()
    assert built.name in text
    assert {line.split()[0] for line in text.splitlines()[1:]} == set(phony)


def test_the_program_prints_the_description_unchanged(built: Path) -> None:
    usage = subprocess.run([built / "build" / built.name, "--help"], text=True, stdout=subprocess.PIPE, check=True)
    assert DESCRIPTION in usage.stdout.splitlines()
    assert not (built / "pwned").exists()


def test_dist_is_static_complete_and_reproducible(built: Path, tmp_path: Path) -> None:
    digests = set()
    for directory in ("here", "elsewhere/and/deeper"):
        repository = shutil.copytree(built, tmp_path / directory / built.name, ignore=shutil.ignore_patterns("build"))
        succeed(repository, "dist")
        (archive,) = repository.glob("dist/*.tar.gz")
        digests.add(hashlib.sha256(archive.read_bytes()).hexdigest())
        checksum = archive.with_name(archive.name + ".sha256").read_text()
        assert checksum.split() == [hashlib.sha256(archive.read_bytes()).hexdigest(), archive.name]
    assert len(digests) == 1

    with tarfile.open(archive) as tar:
        top = archive.name.removesuffix(".tar.gz")
        names = tar.getnames()
        assert names == sorted(names)
        assert {top, *(f"{top}/{name}" for name in ("LICENSE", "README.md", built.name))} <= set(names)
    subprocess.run(["tar", "--extract", "--file", archive, "--directory", tmp_path], check=True)
    programs = [path for path in files_of(tmp_path / top) if (tmp_path / top / path).read_bytes()[:4] == b"\x7fELF"]
    assert programs
    for program in programs:
        readelf = ["readelf", "--program-headers", str(tmp_path / top / program)]
        headers = subprocess.run(readelf, text=True, capture_output=True, check=True).stdout
        assert "LOAD" in headers and "INTERP" not in headers


def test_git_ignores_the_files_of_make(repository: Path) -> None:
    succeed(repository, "dist")
    assert git(repository, "status", "--porcelain") == ""


def test_clean_leaves_only_the_rendered_files(repository: Path, tmp_path: Path) -> None:
    fresh = render(framework_of(repository), tmp_path / "fresh")
    succeed(repository, "dist")
    succeed(repository, "clean")
    assert files_of(repository) == files_of(fresh)


def path_without(need: Need, directory: Path) -> str:
    """Fill `directory` with links to all programs on PATH except the needed one; return it as a PATH."""
    directory.mkdir()
    for source in os.environ["PATH"].split(":"):
        for program in Path(source).glob("*"):
            link = directory / program.name
            if program.name not in (need.name, *need.aliases) and not link.is_symlink():
                link.symlink_to(program)
    return str(directory)


@pytest.mark.parametrize(("framework", "need"), TOOLS, ids=lambda value: getattr(value, "name", value))
def test_a_missing_tool_is_reported_in_one_line(framework: str, need: Need, tmp_path: Path) -> None:
    repository = render(framework, tmp_path)
    done = make(repository, need.target, "BPFTOOLS=bpftool", path=path_without(need, tmp_path / "path"))
    errors = [line for line in done.stdout.splitlines() if "***" in line or "rror" in line]
    assert done.returncode != 0
    assert len(errors) == 1, done.stdout
    assert f"{need.name} is missing" in errors[0]
    assert need.package in errors[0].partition("install")[2]


@pytest.mark.parametrize(
    ("framework", "need"),
    [(framework, need) for framework, need in TOOLS if need.target == "build"],
    ids=lambda value: getattr(value, "name", value),
)
def test_a_missing_tool_fails_ebpf_new_test_in_one_line(framework: str, need: Need, tmp_path: Path) -> None:
    repository = render(framework, tmp_path)
    path = path_without(need, tmp_path / "path")
    environment = os.environ | {"PATH": path, "MAKEFLAGS": "-- BPFTOOLS=bpftool"}
    command = [sys.executable, "-m", "scaffold", "test", str(repository), "--kernel", "6.1"]
    done = subprocess.run(command, env=environment, text=True, capture_output=True, check=False)
    assert done.returncode == 1
    head, *reason = done.stdout.splitlines()
    assert head.startswith("FAIL    my-tool on 6.1")
    assert len(reason) == 1, done.stdout
    assert f"the build failed: {need.name} is missing" in reason[0]
    assert need.package in reason[0].partition("install")[2]


@pytest.mark.parametrize(("framework", "licence"), LICENSES)
def test_license_has_the_text_of_every_licence_in_a_file(framework: str, licence: str, tmp_path: Path) -> None:
    repository = render(framework, tmp_path, license=licence)
    text = (repository / "LICENSE").read_text()
    identifiers = {licence}
    for path in files_of(repository) - {Path("LICENSE")}:
        identifiers.update(re.findall(r"SPDX-License-Identifier: (.*)", (repository / path).read_text()))
    assert identifiers == {licence, "BSD-2-Clause", "GPL-2.0-only OR BSD-2-Clause"}
    for identifier in {part for line in identifiers for part in line.split(" OR ")}:
        assert f"\n{'=' * 78}\n{identifier}\n{'=' * 78}\n" in text


def test_missing_libbpf_is_reported_in_one_line(tmp_path: Path) -> None:
    repository = render("libbpf", tmp_path)
    done = make(repository, "PKG_CONFIG=false")
    assert done.returncode != 0
    assert done.stdout.count("\n") == 1
    assert "libbpf is missing" in done.stdout and "libbpf-dev" in done.stdout


def test_a_bpftool_that_fails_is_skipped(tmp_path: Path) -> None:
    repository = render("libbpf", tmp_path)
    wrapper = tmp_path / "wrapper"
    wrapper.write_text("#!/bin/sh\necho 'WARNING: bpftool not found for kernel' >&2\nexit 2\n")
    wrapper.chmod(0o755)
    succeed(repository, f"BPFTOOLS={wrapper} bpftool /usr/sbin/bpftool")


def test_trace_limits_its_lines_and_hides_its_own_events(built: Path, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "trace_pipe")
    script = "import sys, trace, pathlib; trace.TRACEFS = [pathlib.Path(sys.argv[1])]; trace.main()"
    environment = os.environ | {"PYTHONPATH": str(built / "tools"), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-c", script, str(tmp_path)]
    with subprocess.Popen(command, env=environment, text=True, stdout=subprocess.PIPE) as reader:
        with (tmp_path / "trace_pipe").open("w") as pipe:
            for _ in range(20):
                for pid in (1, reader.pid, os.getpid()):
                    pipe.write(f" name-{pid}  [000] ...21  1.0: bpf_trace_printk: by {pid}.\n\n" * 100)
                pipe.flush()
                time.sleep(0.1)
            reader.terminate()
        lines = reader.communicate()[0].splitlines()[1:]
    events = [line for line in lines if "more" not in line]
    assert 20 <= len(events) <= 20 + 2 * 25
    assert all(line.endswith("by 1.") for line in events)
    assert len(lines) < 2 * 100
