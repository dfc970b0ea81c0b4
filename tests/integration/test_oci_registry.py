# SPDX-License-Identifier: BSD-2-Clause
"""A registry returns ecli's packages and modules unchanged."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.oci_registry import Registry, running_registry

CONTENTS = {
    "package.json": b'{"bpf_object": "", "bpf_object_size": 0, "meta": {}}',
    "app.wasm": b"\0asm\1\0\0\0",
    "bytes.wasm": bytes(range(256)) * 4096,
}


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    with running_registry(tmp_path_factory.mktemp("registry")) as running:
        yield running


def ecli(*arguments: str, registry: Registry, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = ["ecli-rs", *arguments]
    return subprocess.run(command, cwd=cwd, env=registry.environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("file", CONTENTS)
def test_pull_returns_the_pushed_file(registry: Registry, tmp_path: Path, file: str) -> None:
    (tmp_path / file).write_bytes(CONTENTS[file])
    image = f"{registry.host}/{file.replace('.', '-')}:latest"
    pushed = ecli("push", "--module", file, image, registry=registry, cwd=tmp_path)
    assert pushed.returncode == 0, pushed.stderr
    pulled = ecli("pull", "--output", "back", image, registry=registry, cwd=tmp_path)
    assert pulled.returncode == 0, pulled.stderr
    assert (tmp_path / "back").read_bytes() == CONTENTS[file]


def test_a_missing_image_is_reported(registry: Registry, tmp_path: Path) -> None:
    pulled = ecli("pull", "--output", "back", f"{registry.host}/nothing:latest", registry=registry, cwd=tmp_path)
    assert pulled.returncode == 1
    assert "manifest unknown" in pulled.stderr
    assert not (tmp_path / "back").exists()


def test_the_registry_stops_when_its_block_ends(tmp_path: Path) -> None:
    with running_registry(tmp_path) as registry:
        assert ecli("pull", f"{registry.host}/nothing:latest", registry=registry, cwd=tmp_path).returncode == 1
    refused = ecli("pull", f"{registry.host}/nothing:latest", registry=registry, cwd=tmp_path)
    assert "Connection refused" in refused.stderr
