# SPDX-License-Identifier: BSD-2-Clause
"""What repositories are made with, as needs.toml tells it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

DEBIAN = "apt"
# The other keys with a text name a distribution, or what installs there.
OTHER_TEXTS = {"package", "target", "header", "installs", "input", "tried", "least", "fetches_newer", "newer"}


@dataclass(frozen=True)
class Need:
    """What a framework is built with. A library has no make target that needs its command, and no command."""

    name: str
    package: str  # Debian's name of the package that has it
    target: str = ""  # of make: the first that needs the command
    also: tuple[str, ...] = ()  # other names of the command
    header: str = ""  # of a library
    packages: Mapping[str, str] = field(default_factory=dict)  # by distribution, or by what installs there
    installs: str = ""  # the command that does, where no package has it
    places: tuple[str, ...] = ()  # where the command may stand besides PATH; patterns, relative to the repository
    version: tuple[str, ...] = ("--version",)  # what to ask the command
    tries: tuple[str, ...] = ()  # what the command must manage, reading `reads`; that it does is called `tried`
    reads: str = ""
    tried: str = ""
    least: str = ""  # the least version that will do
    fetches_newer: str = ""  # from this version on it gets the least one by itself
    newer: str = ""  # where there are newer ones than a distribution may have
    runner: bool = False  # the guests of the tests take it, not a program


def read_need(name: str, table: Mapping[str, Any], tree: Path) -> Need:
    """Return the need that `table` describes, its least version from a file of the repository `tree`.

    Raises:
        KeyError: a key that must be there is not.
        OSError, ValueError: the file with the least version cannot be read, or has none.
    """
    others = {key: text for key, text in table.items() if isinstance(text, str) and key not in OTHER_TEXTS}
    return Need(
        name=name,
        package=table["package"],
        target=table.get("target", ""),
        also=tuple(table.get("also", ())),
        packages={DEBIAN: table["package"], **others},
        header=table.get("header", ""),
        installs=table.get("installs", ""),
        places=tuple(table.get("places", ())),
        version=tuple(table.get("version", ["--version"])),
        tries=tuple(table.get("try", ())),
        reads=table.get("input", ""),
        tried=table.get("tried", ""),
        least=_least(table, tree),
        fetches_newer=table.get("fetches_newer", ""),
        newer=table.get("newer", ""),
        runner=table.get("runner", False),
    )


def _least(table: Mapping[str, Any], tree: Path) -> str:
    if "least_in" not in table:
        return str(table.get("least", ""))
    path, line = tree / table["least_in"]["file"], table["least_in"]["line"]
    found = re.search(f"^{line}$", path.read_text(encoding="utf-8"), re.MULTILINE)
    if found is None:
        raise ValueError(f"{path} has no line {line}")
    return found[1]
