# SPDX-License-Identifier: BSD-2-Clause
"""Isolation: no test depends on the configuration or the signals of the user who runs it, and no test changes them."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import hypothesis
import pytest

TESTS = Path(__file__).parent

# pytest may run inside a make, whose variables must not reach the makes that are tested.
for variable in {name for name in os.environ if name.startswith("MAKE")} | {"MFLAGS"}:
    os.environ.pop(variable, None)

# A script that runs pytest in the background makes it ignore SIGINT, and every program that it tests inherits that.
signal.signal(signal.SIGINT, signal.default_int_handler)

# The time that an example takes depends on the machine.
hypothesis.settings.register_profile("no deadline", deadline=None)
hypothesis.settings.load_profile("no deadline")

CompletedProcess = subprocess.CompletedProcess[str]
Command = Callable[..., CompletedProcess]

GIT_CONFIG = """\
[user]
\tname = Ada Lovelace
\temail = ada@example.org
"""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark each test with its tier, the name of its directory: unit, render or integration."""
    for item in items:
        item.add_marker(item.path.relative_to(TESTS).parts[0])


@pytest.fixture(autouse=True, scope="session")
def user_directories(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Hide the user's configuration of ebpf-new and the record of the last run; other tools keep their own."""
    real = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    home = tmp_path_factory.mktemp("user")
    for directory in ("config", "state"):
        (home / directory).mkdir()
    for path in real.iterdir() if real.is_dir() else ():
        if path.name != "ebpf-new":
            (home / "config" / path.name).symlink_to(path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CONFIG_HOME", str(home / "config"))
        patch.setenv("XDG_STATE_HOME", str(home / "state"))
        yield


@pytest.fixture(autouse=True)
def git_config(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Replace the user's and the system's git configuration by a file, and return its path. A test may change it."""
    for variable in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(variable)
    config = tmp_path_factory.mktemp("git") / "config"
    config.write_text(GIT_CONFIG)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(config))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)
    return config


@pytest.fixture
def ebpf_new(tmp_path: Path) -> Command:
    """Return a function that runs the command in `tmp_path` without a terminal."""

    def run(*arguments: str, cwd: Path = tmp_path) -> CompletedProcess:
        command = [sys.executable, "-m", "scaffold", *arguments]
        return subprocess.run(command, cwd=cwd, stdin=subprocess.DEVNULL, text=True, capture_output=True, check=False)

    return run


def git(directory: Path, *arguments: str) -> str:
    """Run git in `directory`, check that it succeeds, and return what it prints."""
    command = ["git", "-C", str(directory), *arguments]
    return subprocess.run(command, check=True, text=True, capture_output=True).stdout.strip()
