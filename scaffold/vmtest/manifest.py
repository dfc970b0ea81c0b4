# SPDX-License-Identifier: BSD-2-Clause
"""Read `test/vmtest.toml`: what to put into the guest, how to start it, and what must be seen.

The format is described in the generator's docs/vmtest.md, and for editors in docs/vmtest.schema.json.
"""

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .errors import ManifestError
from .manifest_reader import Reader

SOURCES = ("trace", "output")
PROOFS = ("pid", "token", "port")  # groups of event.pattern: what ties an event to this run's trigger
BUILD = ("make", "--no-print-directory", "build", "ARCH={arch}")
DAY = 86400
MAX_MEMORY = 16384
# Elsewhere in the guest stands what the runner itself needs.
GUEST_DIRECTORIES = ("etc", "home", "opt", "root", "srv", "tmp", "var")
_NAME = r"(?!\.{1,2}(?:[/:]|$))[^/:]+"
_PATH = rf"{_NAME}(?:/{_NAME})*"
_FILE = re.compile(rf"{_PATH}(?::(?:/(?:{'|'.join(GUEST_DIRECTORIES)})/)?{_PATH})?")
_MODULE = re.compile(r"[A-Za-z0-9_-]+")


@dataclass(frozen=True)
class Manifest:
    """One project's test. `root` is the project's directory; `files` are relative to it."""

    root: Path
    project: str
    framework: str
    files: tuple[str, ...]  # SOURCE or SOURCE:TARGET, see source_and_target
    memory: int  # MiB
    command: tuple[str, ...]
    filter: tuple[str, ...]  # empty: the program can follow every process only
    ready: str
    source: str
    trigger: tuple[str, ...]
    pattern: re.Pattern[str]
    seconds: float  # for the run in the guest
    boot_seconds: float  # for a guest to come up
    build: tuple[str, ...] = BUILD  # in `root`, with the architecture for {arch}; empty: nothing to build
    build_seconds: float = 900
    modules: tuple[str, ...] = ()  # of the kernel, loaded before the program starts
    exit_status: tuple[int, ...] = (0,)  # of the program, ended by SIGINT

    @property
    def proof(self) -> str:
        """What ties an event to the trigger of this run: pid, token or port."""
        return next((proof for proof in PROOFS if proof in self.pattern.groupindex), PROOFS[0])


def load_manifest(root: Path, path: Path | None = None) -> Manifest:
    """Read the manifest of the project in the directory `root` (default: its `test/vmtest.toml`).

    Raises:
        ManifestError: it is missing or wrong; the message names every wrong key.
    """
    path = path or root / "test" / "vmtest.toml"
    reader = Reader(_parsed(path, root))
    manifest = Manifest(
        root=root,
        project=reader.text("project", "name", root.resolve().name or "/"),
        framework=reader.text("project", "framework", ""),
        build=reader.words("build", "command", BUILD, at_least=0),
        build_seconds=reader.number("build", "seconds", 900, 1, DAY),
        files=reader.words("guest", "files", form=(_FILE, _FILE_FORM)),
        memory=reader.integer("guest", "memory", 256, 128, MAX_MEMORY),
        modules=reader.words("guest", "modules", (), at_least=0, form=(_MODULE, "a name of letters, digits, _ and -")),
        command=reader.words("program", "command"),
        filter=reader.words("program", "filter", ()),
        ready=reader.text("program", "ready"),
        exit_status=reader.integers("program", "exit_status", (0,), 0, 255),
        source=reader.choice("event", "source", SOURCES),
        trigger=reader.words("event", "trigger"),
        pattern=reader.pattern("event", "pattern"),
        seconds=reader.number("limits", "seconds", 30, 1, DAY),
        boot_seconds=reader.number("limits", "boot_seconds", 120, 1, DAY),
    )
    wrong = [*reader.wrong.values(), *reader.unknown(), *_contradictions(manifest, reader)]
    if wrong:
        raise ManifestError(f"{path}: {wrong[0]}" if len(wrong) == 1 else "\n  ".join([f"{path}:", *wrong]))
    return manifest


_FILE_FORM = (
    "a path below the project's directory, or SOURCE:TARGET with a TARGET below /app or in "
    + ", ".join(f"/{name}" for name in GUEST_DIRECTORIES)
)  # fmt: skip


def source_and_target(file: str) -> tuple[str, str]:
    """Return where an item of `guest.files` stands in the project, and where in the guest (without the first /)."""
    source, _, target = file.partition(":")
    target = target or source.rpartition("/")[2]
    return source, target[1:] if target.startswith("/") else f"app/{target}"


def _parsed(path: Path, root: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ManifestError(f"{path}: {error.strerror}: is {root} a project with a VM test?") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ManifestError(f"{path}: {error}") from None


def _contradictions(manifest: Manifest, reader: Reader) -> Iterator[str]:
    """Yield what is wrong with values that are right by themselves."""
    if reader.sound("event.pattern", "event.trigger"):
        yield from _without_proof(manifest)
    if reader.sound("program.filter") and manifest.filter:
        if not any("{pid}" in word for word in manifest.filter):
            yield "program.filter must hold {pid}, which becomes the pid to be seen"
        if reader.sound("event.pattern") and manifest.proof != "pid":
            yield "program.filter needs the group (?P<pid>[0-9]+) in event.pattern: leave the filter out"
    targets = [source_and_target(file)[1] for file in manifest.files]
    for target in sorted({target for target in targets if targets.count(target) > 1}):
        yield f"guest.files has more than one for /{target} in the guest"


def _without_proof(manifest: Manifest) -> Iterator[str]:
    groups = [proof for proof in PROOFS if proof in manifest.pattern.groupindex]
    if len(groups) != 1:
        yield (
            f"event.pattern has {' and '.join(groups) or 'none'} of the groups (?P<pid>[0-9]+), (?P<token>[a-z]+) and"
            " (?P<port>[0-9]+), but must have one: it proves that the event is the trigger's"
        )
        return
    for proof in ("token", "port"):
        placeholder = f"{{{proof}}}"
        in_trigger = any(placeholder in word for word in manifest.trigger)
        if proof in groups and not in_trigger:
            yield f"event.pattern has the group {proof}, but no word of event.trigger holds {placeholder}"
        if in_trigger and proof not in groups:
            yield f"event.trigger holds {placeholder}, but event.pattern has no group (?P<{proof}>...) for it"
