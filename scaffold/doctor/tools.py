# SPDX-License-Identifier: BSD-2-Clause
"""Checks of the tools and libraries that repositories need: installed, usable, and new enough."""

import glob
import os
import re
from collections.abc import Iterator

from .distribution import Distribution, need_fix
from .finding import Finding, Purpose, Status
from .host import Host, first_line
from .needs import Need

ESSENTIAL_TARGETS = ("", "build", "test")
VERSION = re.compile(r"\d+(?:\.\d+)+")


def purpose_of(need: Need) -> Purpose:
    """Return what `need` is for."""
    return Purpose.TEST if need.target == "test" else Purpose.BUILD


def check_need(need: Need, host: Host, distribution: Distribution) -> Finding:
    """Check a command by calling it, or a library by its header and its version."""
    problem, version = _check_command(need, host) if need.target else _check_library(need, host)
    purpose = purpose_of(need)
    if not problem:
        return Finding(purpose, need.name, Status.OK, version)
    is_essential = need.target in ESSENTIAL_TARGETS
    suffix = "" if is_essential else f"; only `make {need.target}` needs it"
    is_too_old = version and need.download_page
    if is_too_old:
        fix = f"install {need.min_version} or newer: {need.download_page}"
    else:
        fix = need_fix(need, distribution, host)
    package = "" if is_too_old or need.install_command else distribution.package(need)
    status = Status.MISSING if is_essential else Status.WARNING
    return Finding(purpose, need.name, status, problem + suffix, fix, package)


def _check_command(need: Need, host: Host) -> tuple[str, str]:
    """Return the problem with the command ("" if there is none) and its version ("" unless it is usable or too old)."""
    problem = "not on PATH"
    for path in _candidate_paths(need, host):
        result = host.run([path, *need.version_arguments])
        if result.status != 0:
            problem = f"{path} does not work: {first_line(result.stderr)}"
            continue
        match = VERSION.search(result.stdout.decode(errors="replace") + result.stderr)
        text = match[0] if match else "works"
        if need.test_arguments:
            test = host.run([path, *need.test_arguments], need.test_input)
            if test.status != 0:
                problem = f"{text}, but its test call failed: {first_line(test.stderr)}"
                continue
            text = f"{text}, {need.test_label}"
        if match and not _is_at_least(match[0], need.min_version):
            if not need.self_update_version or not _is_at_least(match[0], need.self_update_version):
                return f"{text} is older than {need.min_version}", text
            text = f"{text}, downloads {need.min_version} itself in the first build"
        return "", text if path == host.which(need.name) else f"{text} ({path})"
    return problem, ""


def _candidate_paths(need: Need, host: Host) -> Iterator[str]:
    """Yield the paths to try: the value of a make variable such as CLANG alone, or PATH and then the patterns."""
    variable = re.sub(r"\W", "_", need.name.upper().rstrip("0123456789"))
    chosen = os.environ.get(variable)
    paths = [host.which(name) for name in ([chosen] if chosen else [need.name, *need.aliases])]
    for pattern in () if chosen else need.search_patterns:
        paths += [str(host.directory / name) for name in sorted(glob.glob(pattern, root_dir=host.directory))]
    yield from dict.fromkeys(path for path in paths if path)


def _check_library(need: Need, host: Host) -> tuple[str, str]:
    """Return the problem with the library ("" if there is none) and its version ("" if there is a problem)."""
    pkg_config = host.which(os.environ.get("PKG_CONFIG") or "pkg-config")
    if not pkg_config:
        return "cannot be checked: pkg-config is missing", ""
    result = host.run([pkg_config, "--modversion", need.name])
    if result.status != 0:
        return "pkg-config does not know it", ""
    directory = host.run([pkg_config, "--variable=includedir", need.name]).stdout.decode(errors="replace").strip()
    if not os.path.exists(os.path.join(directory, need.header)):
        return f"its header {need.header} is not in {directory}", ""
    return "", result.stdout.decode(errors="replace").strip()


def _is_at_least(version: str, minimum: str) -> bool:
    if not minimum:
        return True
    have, want = ([int(number) for number in text.split(".")] for text in (version, minimum))
    return have + [0] * (len(want) - len(have)) >= want
