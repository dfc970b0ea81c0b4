# SPDX-License-Identifier: BSD-2-Clause
"""The Dockerfile of every framework: the image is small and has labels, and the event of its entrypoint arrives."""

import json
import re
import shutil
import subprocess
import tarfile
import time
from pathlib import Path
from subprocess import PIPE, STDOUT

import pytest

from scaffold.vmtest.architecture import ARCHITECTURES
from tests.integration.conftest import FRAMEWORKS
from tests.integration.containers import (
    ENVIRONMENT,
    build_archive,
    docker,
    guest_project,
    inspect,
    make,
    project,
    save_files,
    tag_of,
)
from tests.integration.repositories import framework_of, manifest
from tests.integration.vm_runs import run_vmtest
from tests.render.trees import CATALOG

MB = 1_000_000
KERNEL = "6.12"
KERNELS = ("6.1", "6.12")
FOREIGN = next(name for name, architecture in ARCHITECTURES.items() if not architecture.is_native)


@pytest.fixture(scope="session", params=FRAMEWORKS)
def repository(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a repository of each framework whose image is built. Tests must not change it."""
    repository = project(request.param, tmp_path_factory.mktemp(f"image-{request.param}"))
    make(repository, "image")
    return repository


def last_base(repository: Path) -> str:
    """Return the base image of the last stage of the Dockerfile."""
    stages: list[str] = re.findall(r"^FROM (\S+)$", (repository / "Dockerfile").read_text(), re.MULTILINE)
    return stages[-1]


def test_the_event_of_the_entrypoint_arrives(repository: Path, tmp_path: Path) -> None:
    project = guest_project(repository, tag_of(repository), tmp_path / "guest")
    run = run_vmtest(project, "--kernel", KERNEL)
    assert run.status == 0, run
    assert "BPF triggered sys_enter_write from PID" in run.verdicts[0]["events"][0]


def test_the_image_is_small(repository: Path, tmp_path: Path) -> None:
    image = inspect(tag_of(repository))
    if last_base(repository) == "scratch":
        assert image.size < 10 * MB
        save_files(tag_of(repository), tmp_path / "image.tar")
        with tarfile.open(tmp_path / "image.tar") as tar:
            files = [member.name for member in tar if member.isfile() and member.size]
        assert [f"/{name}" for name in files] == list(image.entrypoint)
    else:
        assert image.size < 160 * MB


def test_the_labels_describe_the_project(repository: Path) -> None:
    prefix = "org.opencontainers.image."
    labels = inspect(tag_of(repository)).labels
    assert {key.removeprefix(prefix): value for key, value in labels.items() if key.startswith(prefix)} == {
        "title": repository.name,
        "description": CATALOG[framework_of(repository)].description,
        "source": f"https://github.com/ada/{repository.name}",
        "licenses": CATALOG[framework_of(repository)].licenses[0],
    }


def test_two_builds_give_the_same_program(repository: Path, tmp_path: Path) -> None:
    first = build_archive(repository, tmp_path / "first")
    changed = shutil.copytree(repository, tmp_path / "changed" / repository.name)
    readme = changed / "README.md"
    readme.write_text(f"{readme.read_text()}\nAnother line, so that the program is built again.\n")
    assert build_archive(changed, tmp_path / "second") == first


def test_it_is_compiled_and_tested_for_the_other_architecture(repository: Path) -> None:
    output = make(repository, "in-container", f'T=deps test ARCH={FOREIGN} KERNEL="{" ".join(KERNELS)}"')
    for kernel in KERNELS:
        assert re.search(
            rf"^PASS    {repository.name} on {re.escape(kernel)}\.\S+-{FOREIGN}, tcg", output, re.MULTILINE
        )


@pytest.mark.usefixtures("trace_buffer")
def test_it_runs_on_this_machine(repository: Path) -> None:
    ready = manifest(repository)["program"]["ready"]
    command = ["make", "run-image"]
    with subprocess.Popen(command, cwd=repository, env=ENVIRONMENT, text=True, stdout=PIPE, stderr=STDOUT) as run:
        try:
            assert run.stdout
            assert any(ready in line for line in run.stdout)
            docker("kill", "--signal=INT", running_container(inspect(tag_of(repository)).digest))
            assert run.wait() == 0
        finally:
            run.terminate()


def running_container(image: str) -> str:
    """Return the id of the image's container. Its output can arrive before docker lists it."""
    deadline = time.monotonic() + 20
    while not (containers := docker("ps", "--quiet", "--filter", f"ancestor={image}").split()):
        assert time.monotonic() < deadline, docker("ps")
        time.sleep(0.1)
    (container,) = containers
    return container


@pytest.mark.usefixtures("trace_buffer")
def test_the_program_runs_in_the_dev_container(repository: Path, tmp_path: Path) -> None:
    settings = json.loads((repository / ".devcontainer/devcontainer.json").read_text())
    assert settings["privileged"]
    copy = shutil.copytree(repository, tmp_path / repository.name, symlinks=True)
    image = f"{tag_of(repository)}-dev"
    docker("build", "--target", settings["build"]["target"], "--tag", image, ".", cwd=copy)
    script = f"{settings['postStartCommand']} && make && timeout --signal=INT --preserve-status 3 build/{copy.name}"
    output = docker("run", "--rm", "--privileged", f"--volume={copy}:/src", image, "sh", "-c", f"{{ {script}; }} 2>&1")
    assert manifest(repository)["program"]["ready"] in output


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_a_build_shows_the_compiler_error(framework: str, tmp_path: Path) -> None:
    repository = project(framework, tmp_path)
    source = repository / "src/minimal.bpf.c"
    source.write_text(source.read_text().replace("return 0;", "return undefined;"))
    done = subprocess.run(
        ["make", "image"], cwd=repository, env=ENVIRONMENT, text=True, capture_output=True, check=False
    )
    assert done.returncode != 0
    assert "error: use of undeclared identifier 'undefined'" in done.stdout + done.stderr
