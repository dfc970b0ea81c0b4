# SPDX-License-Identifier: BSD-2-Clause
"""The rules for the path of a Go module, https://go.dev/ref/mod#go-mod-file-ident."""

import re

from scaffold.errors import Problem
from scaffold.project.name_rules import Exclusion, exclusion_reason

ELEMENT = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9._~-]*[A-Za-z0-9_~-])?", re.ASCII)
HOST = re.compile(r"[a-z0-9][a-z0-9-]*(\.[a-z0-9-]+)+", re.ASCII)
ELEMENT_EXCLUSIONS = (
    Exclusion(r"(?i:(con|prn|aux|nul|com[1-9]|lpt[1-9])(\..*)?)", "Go does not accept the name of a Windows device"),
    Exclusion(r"[^.]*~[0-9]+(\..*)?", "Go does not accept a short file name of Windows"),
)
LAST_ELEMENT_EXCLUSIONS = (Exclusion(r"v(0[0-9]*|1)", "Go reads it as a version, and does not accept one below v2"),)
EXPECTED = "a host and names, such as github.com/ada/hello: letters, digits and - . _ ~ between slashes"


def default_module(owner: str, name: str) -> str:
    """Return the path of the module `name`: the path of its repository on GitHub if it has an owner there."""
    return f"github.com/{owner}/{name}" if owner else f"example.com/{name}"


def module_path_problem(path: str) -> Problem | None:
    """Return the reason why `path` is not a valid path of a Go module, or None if it is valid."""
    elements = path.split("/")
    if not all(map(ELEMENT.fullmatch, elements)) or not HOST.fullmatch(elements[0]):
        return Problem("--module", f"{path!r} is invalid: expected {EXPECTED}")
    for number, element in enumerate(elements, start=1):
        is_last = 1 < number == len(elements)
        reason = exclusion_reason(element, ELEMENT_EXCLUSIONS + (LAST_ELEMENT_EXCLUSIONS if is_last else ()))
        if reason:
            message = f"{path!r} is invalid because of {element!r}: {reason}"
            return Problem("--module", message, "use another --module, such as example.com/my-hello")
    return None
