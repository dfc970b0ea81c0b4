# SPDX-License-Identifier: BSD-2-Clause
"""No test depends on the configuration, or on the signals, of whoever runs it, and none changes what they keep."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import hypothesis
import pytest

from tests.toolchains import PROGRAMS

# The make that calls pytest is not to be the parent of those that are tested.
for variable in {name for name in os.environ if name.startswith("MAKE")} | {"MFLAGS"}:
    os.environ.pop(variable, None)
os.environ["PATH"] = os.pathsep.join([*map(str, PROGRAMS), os.environ["PATH"]])

# In the background of a script this process ignores SIGINT, and so would every program that it tests.
signal.signal(signal.SIGINT, signal.default_int_handler)

# How long an example takes says something about the machine, not about the code.
hypothesis.settings.register_profile("house", deadline=None)
hypothesis.settings.load_profile("house")

Run = subprocess.CompletedProcess[str]
Command = Callable[..., Run]

GIT_CONFIG = """\
[user]
\tname = Ada Lovelace
\temail = ada@example.org
"""


@pytest.fixture(autouse=True, scope="session")
def user_directories(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Have no configuration of ebpf-new and no record of a last run; other tools keep their configuration."""
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
    """The only git configuration that there is; a test may write into it."""
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
    """Run the command in `tmp_path`, without a terminal, and return what it did."""

    def run(*arguments: str, cwd: Path = tmp_path) -> Run:
        command = [sys.executable, "-m", "scaffold", *arguments]
        return subprocess.run(command, cwd=cwd, stdin=subprocess.DEVNULL, text=True, capture_output=True, check=False)

    return run


def git(directory: Path, *arguments: str) -> str:
    """Run git, which must succeed, and return what it printed."""
    command = ["git", "-C", str(directory), *arguments]
    return subprocess.run(command, check=True, text=True, capture_output=True).stdout.strip()
