# SPDX-License-Identifier: BSD-2-Clause
"""tools/eunomia/build.sh names missing tools, and leaves either a complete toolchain or nothing in the cache."""

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

from tests.paths import ROOT
from tests.toolchains import EUNOMIA

BUILD = str(ROOT / "tools" / "eunomia" / "build.sh")
COMMANDS_BEFORE_CARGO = "bash cat cut dirname flock grep mkdir rm sha256sum sort uname".split()


def test_a_second_build_does_nothing() -> None:
    done = subprocess.run([BUILD], check=True, capture_output=True, text=True)
    assert not done.stdout + done.stderr
    assert {path.name for path in (EUNOMIA / "bin").iterdir()} == {"ecc-rs", "ecli-rs"}


def test_ecli_needs_no_shared_library() -> None:
    dynamic = subprocess.run(
        ["readelf", "--dynamic", EUNOMIA / "bin" / "ecli-rs"], check=True, capture_output=True, text=True
    )
    assert "NEEDED" not in dynamic.stdout


def test_without_cargo_it_names_rust(tmp_path: Path) -> None:
    for name in COMMANDS_BEFORE_CARGO:
        (tmp_path / name).symlink_to(shutil.which(name) or name)
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path), "PATH": str(tmp_path)}
    done = subprocess.run([BUILD], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("eunomia: cargo is missing: install Rust ")
    assert not done.stdout


def test_an_interrupted_build_leaves_nothing(fresh_guests: dict[str, str]) -> None:
    toolchains = Path(fresh_guests["XDG_CACHE_HOME"], "ebpf-new", "toolchains")
    with subprocess.Popen([BUILD], env={**os.environ, **fresh_guests}, start_new_session=True) as build:
        deadline = time.monotonic() + 30
        while not list(toolchains.glob("*.part/target/release/build")):
            assert time.monotonic() < deadline and build.poll() is None
            time.sleep(0.02)
        os.killpg(build.pid, signal.SIGINT)
        assert build.wait(timeout=20) != 0
    assert [path.name for path in toolchains.iterdir() if path.is_dir()] == []
