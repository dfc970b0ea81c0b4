# SPDX-License-Identifier: BSD-2-Clause
"""Read `test/vmtest.toml`: what to put into the guest, how to start it, and what must be seen."""

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .errors import BadManifest

SOURCES = ("trace", "output")


@dataclass(frozen=True)
class Manifest:
    """One project's test. `root` is the project's directory; `files` are relative to it."""

    root: Path
    project: str
    framework: str
    files: tuple[str, ...]
    memory: int  # MiB
    command: tuple[str, ...]
    filter: tuple[str, ...]
    ready: str
    source: str
    trigger: tuple[str, ...]
    pattern: re.Pattern[str]
    seconds: float  # for the run in the guest
    boot_seconds: float  # for a guest to come up


def load_manifest(root: Path, path: Path | None = None) -> Manifest:
    """Read the manifest of the project in the directory `root` (default: its `test/vmtest.toml`).

    Raises:
        BadManifest: it is missing or wrong; the message names every wrong key.
    """
    path = path or root / "test" / "vmtest.toml"
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadManifest(f"{path}: {error.strerror}: is {root} a project with a VM test?") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadManifest(f"{path}: {error}") from None
    reader = _Reader(data)
    manifest = Manifest(
        root=root,
        project=reader.text("project", "name"),
        framework=reader.text("project", "framework", ""),
        files=reader.words("guest", "files"),
        memory=int(reader.number("guest", "memory", 256, at_least=128)),
        command=reader.words("program", "command"),
        filter=reader.words("program", "filter"),
        ready=reader.text("program", "ready"),
        source=reader.text("event", "source", "trace"),
        trigger=reader.words("event", "trigger"),
        pattern=reader.pattern("event", "pattern"),
        seconds=reader.number("limits", "seconds", 30, at_least=1),
        boot_seconds=reader.number("limits", "boot_seconds", 120, at_least=1),
    )
    if manifest.source not in SOURCES:
        reader.wrong.append(f"event.source must be one of {', '.join(SOURCES)}")
    if not any("{pid}" in word for word in manifest.filter):
        reader.wrong.append("program.filter must hold {pid}, which becomes the pid to be seen")
    wrong = reader.wrong + reader.unknown()
    if wrong:
        raise BadManifest(f"{path}: " + "; ".join(wrong))
    return manifest


class _Reader:
    """Takes values out of the parsed file and collects what is wrong with them."""

    def __init__(self, data: dict[str, Any]) -> None:
        self.data = data
        self.wrong: list[str] = []
        self.known: set[tuple[str, str]] = set()

    def _value(self, table: str, key: str) -> Any:
        self.known.add((table, key))
        section = self.data.get(table, {})
        return section.get(key) if isinstance(section, dict) else None

    def text(self, table: str, key: str, default: str | None = None) -> str:
        value = self._value(table, key)
        if value is None and default is not None:
            return default
        if isinstance(value, str) and value.strip() and "\n" not in value:
            return value
        self.wrong.append(f"{table}.{key} must be a line of text")
        return ""

    def words(self, table: str, key: str) -> tuple[str, ...]:
        value = self._value(table, key)
        if isinstance(value, list) and value and all(isinstance(word, str) and word for word in value):
            return tuple(value)
        self.wrong.append(f'{table}.{key} must be a list of texts, such as ["a", "b"]')
        return ("",)

    def number(self, table: str, key: str, default: float, at_least: float) -> float:
        value = self._value(table, key)
        if value is None:
            return default
        if isinstance(value, (int, float)) and not isinstance(value, bool) and value >= at_least:
            return value
        self.wrong.append(f"{table}.{key} must be a number, at least {at_least}")
        return default

    def pattern(self, table: str, key: str) -> re.Pattern[str]:
        text = self.text(table, key)
        try:
            pattern = re.compile(text)
        except re.error as error:
            self.wrong.append(f"{table}.{key} is not a regular expression: {error}")
            return re.compile("")
        if text and "pid" not in pattern.groupindex:
            self.wrong.append(f"{table}.{key} must hold the group (?P<pid>[0-9]+)")
        return pattern

    def unknown(self) -> list[str]:
        """Return a complaint about every table and key that no one asked for."""
        tables = {table for table, _ in self.known}
        complaints = [f"[{table}] is not known" for table in self.data if table not in tables]
        for table in tables & set(self.data):
            if not isinstance(self.data[table], dict):
                complaints.append(f"{table} must be a table")
                continue
            keys = [key for key in self.data[table] if (table, key) not in self.known]
            complaints += [f"{table}.{key} is not known" for key in keys]
        return complaints
