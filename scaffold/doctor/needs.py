# SPDX-License-Identifier: BSD-2-Clause
"""The tools and libraries that repositories need, as needs.toml describes them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

DEBIAN = "apt"
# Every other key with a string names a distribution or a package manager.
OTHER_TEXT_KEYS = {"package", "target", "header", "installs", "input", "tried", "least", "fetches_newer", "newer"}


@dataclass(frozen=True)
class Need:
    """A command or a library. A command has a `target`; a library has a `header` instead."""

    name: str
    package: str  # the package on Debian
    target: str = ""  # the first make target that needs the command
    aliases: tuple[str, ...] = ()  # other names of the command
    header: str = ""  # of a library, relative to its include directory
    packages: Mapping[str, str] = field(default_factory=dict)  # by distribution or package manager
    install_command: str = ""  # if no package contains it
    search_patterns: tuple[str, ...] = ()  # glob patterns of paths to try after PATH, relative to the repository
    version_arguments: tuple[str, ...] = ("--version",)
    test_arguments: tuple[str, ...] = ()  # a call that must succeed with `test_input` on its standard input
    test_input: str = ""
    test_label: str = ""  # what the report prints after that call has succeeded
    min_version: str = ""
    self_update_version: str = ""  # from this version on, the command downloads `min_version` itself
    download_page: str = ""  # where newer versions are, if a distribution has only an older one
    is_for_runner: bool = False  # needed by the guests of the tests, not by a program


def read_need(name: str, table: Mapping[str, Any], tree: Path) -> Need:
    """Return the need that `table` of needs.toml describes. `tree` is the repository whose files it refers to.

    Raises:
        KeyError: a required key is missing.
        OSError, ValueError: the file with the minimum version cannot be read, or does not contain it.
    """
    others = {key: text for key, text in table.items() if isinstance(text, str) and key not in OTHER_TEXT_KEYS}
    return Need(
        name=name,
        package=table["package"],
        target=table.get("target", ""),
        aliases=tuple(table.get("also", ())),
        packages={DEBIAN: table["package"], **others},
        header=table.get("header", ""),
        install_command=table.get("installs", ""),
        search_patterns=tuple(table.get("places", ())),
        version_arguments=tuple(table.get("version", ["--version"])),
        test_arguments=tuple(table.get("try", ())),
        test_input=table.get("input", ""),
        test_label=table.get("tried", ""),
        min_version=_read_min_version(table, tree),
        self_update_version=table.get("fetches_newer", ""),
        download_page=table.get("newer", ""),
        is_for_runner=table.get("runner", False),
    )


def _read_min_version(table: Mapping[str, Any], tree: Path) -> str:
    if "least_in" not in table:
        return str(table.get("least", ""))
    path, pattern = tree / table["least_in"]["file"], table["least_in"]["line"]
    match = re.search(f"^{pattern}$", path.read_text(encoding="utf-8"), re.MULTILINE)
    if match is None:
        raise ValueError(f"no line of {path} matches {pattern}")
    return match[1]
