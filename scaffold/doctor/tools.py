# SPDX-License-Identifier: BSD-2-Clause
"""Checks of what repositories are built and tested with: is it there, does it work, is it new enough?"""

import glob
import os
import re
from collections.abc import Iterator

from .distribution import Distribution, installs
from .finding import BUILD, MISSING, OK, TEST, WARNING, Finding
from .host import Host, line
from .needs import Need

PURPOSES = {"test": TEST}  # of a need, by the first target that needs it
NUMBER = re.compile(r"\d+(?:\.\d+)+")


def check_need(need: Need, host: Host, distribution: Distribution) -> Finding:
    """Is what a framework needs there? A command is called, a library's header and version are looked for."""
    fault, found = _library(need, host) if not need.target else _command(need, host)
    purpose = PURPOSES.get(need.target, BUILD)
    if not fault:
        return Finding(purpose, need.name, OK, found)
    essential = need.target in ("", "build", "test")
    only = "" if essential else f"; only `make {need.target}` needs it"
    too_old = found and need.newer
    mend = f"install {need.least} or newer: {need.newer}" if too_old else installs(need, distribution, host)
    package = "" if too_old or need.installs else distribution.package(need)
    return Finding(purpose, need.name, MISSING if essential else WARNING, fault + only, mend, package)


def _command(need: Need, host: Host) -> tuple[str, str]:
    """Return what is wrong with the command, or "" with what was found. If it is just too old, both."""
    fault = "not on PATH"
    for path in _candidates(need, host):
        told = host.run([path, *need.version])
        if told.status != 0:
            fault = f"{path} does not work: {line(told.complained)}"
            continue
        version = NUMBER.search(told.printed.decode(errors="replace") + told.complained)
        known = version[0] if version else "works"
        if need.tries:
            tried = host.run([path, *need.tries], need.reads)
            if tried.status != 0:
                fault = f"{known}, but it does not do its work: {line(tried.complained)}"
                continue
            known = f"{known}, {need.tried}"
        if version and not _at_least(version[0], need.least):
            if not need.fetches_newer or not _at_least(version[0], need.fetches_newer):
                return f"{known} is older than {need.least}", known
            known = f"{known}, which gets {need.least} by itself when it first builds"
        return "", known if path == host.which(need.name) else f"{known} ({path})"
    return fault, ""


def _candidates(need: Need, host: Host) -> Iterator[str]:
    """Yield where the command is: what a variable of make's, such as CLANG, names, or on PATH and in other places."""
    variable = re.sub(r"\W", "_", need.name.upper().rstrip("0123456789"))
    named = os.environ.get(variable)
    found = [host.which(name) for name in ([named] if named else [need.name, *need.also])]
    for place in () if named else need.places:
        found += [str(host.directory / each) for each in sorted(glob.glob(place, root_dir=host.directory))]
    yield from dict.fromkeys(path for path in found if path)


def _library(need: Need, host: Host) -> tuple[str, str]:
    pkg_config = host.which(os.environ.get("PKG_CONFIG") or "pkg-config")
    if not pkg_config:
        return "not found: pkg-config, which would tell, is missing", ""
    told = host.run([pkg_config, "--modversion", need.name])
    if told.status != 0:
        return "pkg-config does not know it", ""
    place = host.run([pkg_config, "--variable=includedir", need.name]).printed.decode(errors="replace").strip()
    if not os.path.exists(os.path.join(place, need.header)):
        return f"its header {need.header} is not in {place}", ""
    return "", told.printed.decode(errors="replace").strip()


def _at_least(version: str, least: str) -> bool:
    if not least:
        return True
    have, want = ([int(number) for number in each.split(".")] for each in (version, least))
    return have + [0] * (len(want) - len(have)) >= want
