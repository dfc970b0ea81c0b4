# SPDX-License-Identifier: BSD-2-Clause
"""Build container images with `docker`, which is tools/containers/docker on the PATH of the tests."""

import json
import os
import subprocess
import tarfile
from dataclasses import dataclass
from pathlib import Path

from tests.integration.repositories import manifest, render
from tests.paths import ROOT

ENVIRONMENT = {**os.environ, "PATH": f"{ROOT / 'tools/containers'}{os.pathsep}{os.environ['PATH']}"}


@dataclass(frozen=True)
class Image:
    """The fields of `docker image inspect` that the tests use."""

    size: int  # bytes
    entrypoint: tuple[str, ...]
    labels: dict[str, str]
    digest: str


def docker(*arguments: str | Path, cwd: Path | None = None) -> str:
    """Run docker, check that it succeeds, and return its stdout."""
    command = ["docker", *map(str, arguments)]
    done = subprocess.run(command, cwd=cwd, env=ENVIRONMENT, text=True, capture_output=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def make(repository: Path, *arguments: str) -> str:
    """Run the repository's make with this docker, check that it succeeds, and return its output."""
    done = subprocess.run(
        ["make", *arguments],
        cwd=repository,
        env=ENVIRONMENT,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def project(framework: str, directory: Path) -> Path:
    """Render the project whose images the tests build. All tests share it, so its stage `dev` is built once.

    Its name is not a valid image name.
    """
    return render(framework, directory, name=f"My_{framework}", owner="ada")


def tag_of(repository: Path) -> str:
    """Return the image name that the Makefile derives from the project's name."""
    return repository.name.lower().replace("_", "-")


def inspect(image: str) -> Image:
    """Return the fields of an image."""
    (fields,) = json.loads(docker("image", "inspect", image))
    config = fields["Config"]
    return Image(fields["Size"], tuple(config["Entrypoint"]), config["Labels"], fields["Id"])


def save_files(image: str, archive: Path) -> None:
    """Write the file system of a container of `image` to `archive`, a tar file."""
    container = docker("create", "--network=none", image).strip()
    try:
        docker("export", "--output", archive, container)
    finally:
        docker("rm", container)


def build_archive(repository: Path, directory: Path) -> bytes:
    """Build the stage `dist` into `directory`, and return the program in its only archive."""
    docker("build", "--target", "dist", "--output", directory, ".", cwd=repository)
    (archive,) = directory.glob("*.tar.gz")
    with tarfile.open(archive) as tar:
        program = tar.extractfile(f"{archive.name.removesuffix('.tar.gz')}/{repository.name}")
        assert program
        return program.read()


RUN_IMAGE = """\
#!/bin/sh
# Starts the entrypoint of an image whose file system is in image.tar, like a container engine.
if [ ! -d /image ]; then
    mkdir /image
    tar -x -f image.tar -C /image
    for name in proc sys; do
        mkdir -p /image/$name
        mount -o rbind /$name /image/$name
    done
fi
exec chroot /image {entrypoint} "$@"
"""


def guest_project(repository: Path, image: str, directory: Path) -> Path:
    """Create a project in `directory` whose guest contains an image and starts its entrypoint."""
    (directory / "test").mkdir(parents=True)
    save_files(image, directory / "image.tar")
    (entrypoint,) = inspect(image).entrypoint
    (directory / "start").write_text(RUN_IMAGE.format(entrypoint=entrypoint))
    tables = manifest(repository)
    tables["guest"] = {"files": ["image.tar", "start"], "memory": 1024}
    tables["program"]["command"] = ["sh", "./start"]
    lines = []
    for table, values in tables.items():
        lines += [f"[{table}]", *(f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in values.items())]
    (directory / "test/vmtest.toml").write_text("\n".join(lines) + "\n")
    return directory
