# SPDX-License-Identifier: BSD-2-Clause
"""An installed package renders the same as this checkout, without a network."""

import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

from scaffold.project.catalog import frameworks, templates_directory
from scaffold.update.archive import releases_directory
from tests.conftest import Command
from tests.render.trees import contents

ROOT = templates_directory().parent


def build(target: str, source: Path, directory: Path) -> Path:
    """Build the wheel or sdist of `source` with the installed hatchling, and return its path."""
    command = [sys.executable, "-m", "hatchling", "build", "--target", target, "--directory", str(directory)]
    subprocess.run(command, cwd=source, check=True, capture_output=True)
    (package,) = directory.iterdir()
    return package


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the wheel of this checkout."""
    return build("wheel", ROOT, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the source distribution of this checkout."""
    return build("sdist", ROOT, tmp_path_factory.mktemp("sdist"))


def test_the_wheel_contains_every_template_and_release(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        assert not [name for name in names if ("cache" in name and "vmtest" not in name) or name.endswith(".pyc")]
        for framework in frameworks():
            assert f"scaffold/templates/{framework.name}/templates/Makefile.j2" in names
            assert any(f"/{framework.name}/" in name and name.endswith("/test/vmtest/__main__.py") for name in names)
        assert "scaffold/templates/_export/files/tools/rename.py" in names
        assert {f"scaffold/update/releases/{path.name}" for path in releases_directory().iterdir()} <= set(names)
        (entry_points,) = (name for name in names if name.endswith("entry_points.txt"))
        assert "ebpf-new = scaffold.__main__:main" in archive.read(entry_points).decode()


def test_the_wheel_built_from_the_sdist_is_identical(wheel: Path, sdist: Path, tmp_path: Path) -> None:
    (tmp_path / "source").mkdir()
    subprocess.run(["tar", "--extract", "--file", sdist, "--directory", tmp_path / "source"], check=True)
    (source,) = (tmp_path / "source").iterdir()
    rebuilt = build("wheel", source, tmp_path / "wheel")
    assert rebuilt.name == wheel.name
    assert rebuilt.read_bytes() == wheel.read_bytes()


def test_an_installation_without_a_network_renders_the_same(wheel: Path, tmp_path: Path, ebpf_new: Command) -> None:
    venv.create(tmp_path / "venv", with_pip=False, symlinks=True)
    python = str(tmp_path / "venv/bin/python")
    # The new environment contains the dependencies of this one, but not this checkout.
    (site,) = (tmp_path / "venv/lib").glob("python*/site-packages")
    for path in Path(sysconfig.get_path("purelib")).iterdir():
        if "ebpf_new" not in path.name and path.suffix != ".pth":
            (site / path.name).symlink_to(path)
    environment = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "VIRTUAL_ENV")}
    install = [python, "-m", "pip", "install", "--no-index", "--quiet", str(wheel)]
    subprocess.run(install, check=True, env=environment, cwd=tmp_path)
    for framework in frameworks():
        command = [str(tmp_path / "venv/bin/ebpf-new"), "hello", "-f", framework.name, "-o", f"wheel/{framework.name}"]
        offline = ["unshare", "--net", *(["--map-root-user"] if os.getuid() else []), *command]
        subprocess.run(offline, check=True, env=environment, cwd=tmp_path, capture_output=True)
        assert ebpf_new("hello", "-f", framework.name, "-o", framework.name).returncode == 0
        assert contents(tmp_path / "wheel" / framework.name) == contents(tmp_path / framework.name)
    command = [str(tmp_path / "venv/bin/ebpf-new"), "export", "wheel/starters"]
    subprocess.run(command, check=True, env=environment, cwd=tmp_path, capture_output=True)
    assert ebpf_new("export", "starters").returncode == 0
    assert contents(tmp_path / "wheel/starters") == contents(tmp_path / "starters")
