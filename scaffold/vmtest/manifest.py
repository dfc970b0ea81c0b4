# SPDX-License-Identifier: BSD-2-Clause
"""Read the manifest of a test, `test/vmtest.toml`. `Manifest` documents its format."""

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from .errors import ManifestError
from .manifest_reader import ManifestReader, Syntax

DEFAULT_BUILD = ("make", "--no-print-directory", "build", "ARCH={arch}")
DAY_SECONDS = 86400
MIN_MEMORY_MIB, MAX_MEMORY_MIB = 128, 16384
# All other directories of the guest belong to the runner.
GUEST_DIRECTORIES = ("etc", "home", "opt", "root", "srv", "tmp", "var")
_NAME = r"(?!\.{1,2}(?:[/:]|$))[^/:]+"
_PATH = rf"{_NAME}(?:/{_NAME})*"
FILE_SYNTAX = Syntax(
    re.compile(rf"{_PATH}(?::(?:/(?:{'|'.join(GUEST_DIRECTORIES)})/)?{_PATH})?"),
    "a path below the project's directory, or SOURCE:TARGET with a TARGET below /app or in "
    + ", ".join(f"/{name}" for name in GUEST_DIRECTORIES),
)
MODULE_SYNTAX = Syntax(re.compile(r"[A-Za-z0-9_-]+"), "a name of letters, digits, _ and -")


class EventSource(StrEnum):
    """Where a program prints its events."""

    TRACE = "trace"  # the kernel's trace buffer (bpf_printk)
    OUTPUT = "output"  # the program's stdout and stderr


class Proof(StrEnum):
    """The named groups of `event.pattern`: the value that connects an event with the trigger of this run."""

    PID = "pid"
    TOKEN = "token"
    PORT = "port"


@dataclass(frozen=True)
class Manifest:
    """The test of one project. The comment of each field is the description of its key in `vmtest.toml`.

    The file has the tables [project], [build], [guest], [program], [event] and [limits]. Required are only
    `guest.files`, `program.command`, `program.ready`, `event.trigger` and `event.pattern`. A command is a list of
    strings and is started without a shell. Unknown tables and keys are errors.
    """

    root: Path  # the directory of the project; not in the file
    # project.name: the name in reports (default: that of the directory).
    project: str
    # project.framework: what the project is written with, such as libbpf; a group in reports (default: "").
    framework: str
    # guest.files: files and directories below `root` to copy to /app, or SOURCE:TARGET with a TARGET below /app or in
    # one of GUEST_DIRECTORIES. The guest also gets the shared libraries of programs.
    files: tuple[str, ...]
    # guest.memory: in MiB, from 128 to 16384 (default: 256).
    memory: int
    # program.command: is started as root in /app.
    command: tuple[str, ...]
    # program.filter: arguments to add in a second run, in which the program must follow one process only. {pid} is
    # replaced by the pid of that process (default: no second run).
    filter: tuple[str, ...]
    # program.ready: a part of the line that the program prints when it is attached.
    ready: str
    # event.source: where the events are printed (default: trace).
    source: EventSource
    # event.trigger: a command in the guest that causes the event. {token} is replaced by a random word of 12 letters,
    # {port} by a random number from 10000 to 29999.
    trigger: tuple[str, ...]
    # event.pattern: a regular expression to search for in each line, with exactly one of the groups in `Proof`.
    pattern: re.Pattern[str]
    # limits.seconds: for the run in the guest, from 1 to 86400 (default: 30).
    seconds: float
    # limits.boot_seconds: for the boot of the guest, from 1 to 86400 (default: 120).
    boot_seconds: float
    # build.command: is started in `root`. {arch} is replaced by amd64 or arm64. An empty list: there is no build.
    build: tuple[str, ...] = DEFAULT_BUILD
    # build.seconds: for the build, from 1 to 86400 (default: 900).
    build_seconds: float = 900
    # guest.modules: kernel modules to load, with their dependencies, before the program starts (default: []).
    modules: tuple[str, ...] = ()
    # program.exit_status: a number or a list of the valid exit statuses after SIGINT, from 0 to 255 (default: 0).
    exit_status: tuple[int, ...] = (0,)

    @property
    def proof(self) -> Proof:
        """The value that connects an event with the trigger: the group that `pattern` has."""
        return next((proof for proof in Proof if proof in self.pattern.groupindex), Proof.PID)


def load_manifest(root: Path, path: Path | None = None) -> Manifest:
    """Read the manifest `path` (default: `test/vmtest.toml`) of the project in the directory `root`.

    Raises:
        ManifestError: the file is missing or invalid; the message names every invalid key.
    """
    path = path or root / "test" / "vmtest.toml"
    reader = ManifestReader(_parse(path))
    manifest = Manifest(
        root=root,
        project=reader.text("project", "name", root.resolve().name or "/"),
        framework=reader.text("project", "framework", ""),
        build=reader.strings("build", "command", DEFAULT_BUILD, min_length=0),
        build_seconds=reader.number("build", "seconds", 900, 1, DAY_SECONDS),
        files=reader.strings("guest", "files", syntax=FILE_SYNTAX),
        memory=reader.integer("guest", "memory", 256, MIN_MEMORY_MIB, MAX_MEMORY_MIB),
        modules=reader.strings("guest", "modules", (), min_length=0, syntax=MODULE_SYNTAX),
        command=reader.strings("program", "command"),
        filter=reader.strings("program", "filter", ()),
        ready=reader.text("program", "ready"),
        exit_status=reader.integers("program", "exit_status", (0,), 0, 255),
        source=reader.choice("event", "source", EventSource.TRACE),
        trigger=reader.strings("event", "trigger"),
        pattern=reader.pattern("event", "pattern"),
        seconds=reader.number("limits", "seconds", 30, 1, DAY_SECONDS),
        boot_seconds=reader.number("limits", "boot_seconds", 120, 1, DAY_SECONDS),
    )
    errors = [*reader.errors.values(), *reader.unknown_names(), *_inconsistencies(manifest, reader)]
    if errors:
        raise ManifestError(f"{path}: {errors[0]}" if len(errors) == 1 else "\n  ".join([f"{path}:", *errors]))
    return manifest


def source_and_target(file: str) -> tuple[str, str]:
    """Return the path of an item of `guest.files` in the project, and its path in the guest without the first /."""
    source, _, target = file.partition(":")
    target = target or source.rpartition("/")[2]
    return source, target[1:] if target.startswith("/") else f"app/{target}"


def _parse(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ManifestError(
            f"cannot read {path}: {error.strerror}",
            hint="give the directory of a project that contains test/vmtest.toml, or write this file",
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ManifestError(f"{path}: invalid TOML: {error}") from None


def _inconsistencies(manifest: Manifest, reader: ManifestReader) -> Iterator[str]:
    """Yield the errors of values that are valid alone, but not together."""
    if reader.is_valid("event.pattern", "event.trigger"):
        yield from _proof_errors(manifest)
    if reader.is_valid("program.filter") and manifest.filter:
        if not any("{pid}" in argument for argument in manifest.filter):
            yield "program.filter: expected {pid} in it, which is replaced by the pid of the process to follow"
        if reader.is_valid("event.pattern") and manifest.proof != Proof.PID:
            yield "program.filter: expected the group (?P<pid>[0-9]+) in event.pattern; add it or remove the filter"
    targets = [source_and_target(file)[1] for file in manifest.files]
    for target in sorted({target for target in targets if targets.count(target) > 1}):
        yield f"guest.files: several items have the target /{target}"


def _proof_errors(manifest: Manifest) -> Iterator[str]:
    groups = [proof for proof in Proof if proof in manifest.pattern.groupindex]
    if len(groups) != 1:
        yield (
            "event.pattern: expected exactly one of the groups (?P<pid>[0-9]+), (?P<token>[a-z]+) and (?P<port>[0-9]+),"
            f" which proves that the trigger caused the event; got {' and '.join(groups) or 'none'}"
        )
        return
    for proof in (Proof.TOKEN, Proof.PORT):
        placeholder = f"{{{proof}}}"
        in_trigger = any(placeholder in argument for argument in manifest.trigger)
        if proof in groups and not in_trigger:
            yield f"event.trigger: expected {placeholder} in it, because event.pattern has the group {proof}"
        if in_trigger and proof not in groups:
            yield f"event.pattern: expected the group (?P<{proof}>...), because event.trigger contains {placeholder}"
