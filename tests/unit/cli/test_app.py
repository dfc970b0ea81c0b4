# SPDX-License-Identifier: BSD-2-Clause
"""The default command, the help, and how errors become messages and exit statuses."""

import json
import re
from pathlib import Path

import pytest

from scaffold import __version__
from scaffold.errors import (
    DiskError,
    EbpfNewError,
    InvalidAnswersError,
    MissingVerdictsError,
    Problem,
    UnavailableError,
    UsageError,
)
from scaffold.project.catalog import frameworks
from scaffold.vmtest.errors import InfrastructureError, ManifestError
from tests.conftest import Command, git

FRAMEWORKS = [framework.name for framework in frameworks()]
FIRST = FRAMEWORKS[0]
COMMANDS = {
    ("new",), ("list",), ("test",), ("matrix",), ("report", "merge"), ("kernels", "list"), ("kernels", "fetch"),
    ("kernels", "prune"), ("update",), ("doctor",), ("export",), ("course", "new"), ("course", "check"),
}  # fmt: skip


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_arguments_that_are_not_a_command_go_to_new(ebpf_new: Command, tmp_path: Path, framework: str) -> None:
    for arguments in (["hello", "-f", framework], ["new", "list", "-f", framework], ["-f", framework, "test2"]):
        done = ebpf_new(*arguments)
        assert (done.returncode, done.stderr) == (0, "")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["hello", "list", "test2"]
    assert git(tmp_path / "hello", "log", "--format=%an") == "Ada Lovelace"


@pytest.mark.parametrize("name", ["new", "list", "export", "test", "update"])
def test_project_can_have_the_name_of_a_command(ebpf_new: Command, tmp_path: Path, name: str) -> None:
    assert ebpf_new("new", name, "-f", FIRST).returncode == 0
    assert json.loads((tmp_path / name / ".ebpf-new.json").read_text())["answers"]["name"] == name


def test_version(ebpf_new: Command) -> None:
    assert ebpf_new("--version").stdout == f"ebpf-new {__version__}\n"


def test_help_names_every_command(ebpf_new: Command) -> None:
    text = ebpf_new("--help").stdout
    assert all(word in text for word in (*(command[0] for command in COMMANDS), "NAME", "--install-completion"))


def test_without_arguments_the_usage_is_an_error(ebpf_new: Command) -> None:
    done = ebpf_new()
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("Usage: ebpf-new ")


@pytest.mark.parametrize("command", sorted(COMMANDS), ids=" ".join)
def test_help_of_every_command_lists_its_exit_statuses(ebpf_new: Command, command: tuple[str, ...]) -> None:
    done = ebpf_new(*command, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    statuses = re.search(r"Exit status: 0 .+?\n\n", done.stdout, re.DOTALL)
    assert statuses and re.search(r"\b2\b", statuses[0])


@pytest.mark.parametrize(
    "arguments", [["hello", "--nonsense"], ["new"], ["hello", "extra", "--framework", FIRST], ["report"], ["export"]]
)
def test_wrong_usage(ebpf_new: Command, tmp_path: Path, arguments: list[str]) -> None:
    done = ebpf_new(*arguments)
    assert (done.returncode, list(tmp_path.iterdir())) == (2, [])


@pytest.mark.parametrize(
    ("arguments", "error", "hint"),
    [
        (["hello", "--famework", FIRST], "unknown option --famework", "--framework"),
        (["hello", "extra"], "unexpected argument: extra", '"ebpf-new new --help"'),
        (["export"], "missing argument 'DIR'", '"ebpf-new export --help"'),
        (["kernels", "nonsense"], "unknown command 'nonsense'", '"ebpf-new kernels --help"'),
        (["test", "--jobs", "0"], "invalid value for '--jobs' / '-j'", '"ebpf-new test --help"'),
        (["hello", "-f"], "'-f' requires an argument", "--help"),
    ],
)
def test_wrong_usage_gives_an_error_and_a_hint(ebpf_new: Command, arguments: list[str], error: str, hint: str) -> None:
    done = ebpf_new(*arguments)
    first, second = done.stderr.splitlines()
    assert (done.returncode, done.stdout) == (2, "")
    assert first.startswith("error: ") and error in first
    assert second.startswith("hint: ") and hint in second


@pytest.mark.parametrize(
    ("error", "status", "lines"),
    [
        (EbpfNewError("it failed"), 1, ["error: it failed"]),
        (DiskError("cannot write x", hint="free some space"), 1, ["error: cannot write x", "hint: free some space"]),
        (UsageError("x is unknown", hint="use y"), 2, ["error: x is unknown", "hint: use y"]),
        (UnavailableError("no kernel"), 69, ["error: no kernel"]),
        (MissingVerdictsError("1 verdict is missing"), 69, ["error: 1 verdict is missing"]),
        (InvalidAnswersError([Problem("NAME", "bad", "use x")]), 2, ["error: NAME: bad", "hint: use x"]),
        (ManifestError("bad manifest", hint="fix it"), 2, ["error: bad manifest", "hint: fix it"]),
        (InfrastructureError("no QEMU", hint="install it"), 69, ["error: no QEMU", "hint: install it"]),
        (PermissionError(13, "Permission denied", "x"), 1, ["error: [Errno 13] Permission denied: 'x'"]),
        (KeyboardInterrupt(), 130, []),
        (SystemExit(143), 143, []),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else "",
)
def test_error_gives_message_hint_and_status(
    ebpf_new: Command, monkeypatch: pytest.MonkeyPatch, error: BaseException, status: int, lines: list[str]
) -> None:
    def fail() -> None:
        raise error

    monkeypatch.setattr("scaffold.project.catalog.load_catalog", fail)
    done = ebpf_new("list")
    assert (done.returncode, done.stdout, done.stderr.splitlines()) == (status, "", lines)
