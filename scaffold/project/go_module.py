# SPDX-License-Identifier: BSD-2-Clause
"""What Go takes as the path of a module, https://go.dev/ref/mod#go-mod-file-ident."""

import re

ELEMENT = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9._~-]*[A-Za-z0-9_~-])?", re.ASCII)
HOST = re.compile(r"[a-z0-9][a-z0-9-]*(\.[a-z0-9-]+)+", re.ASCII)
WINDOWS_DEVICE = re.compile(r"(con|prn|aux|nul|com[1-9]|lpt[1-9])(\..*)?", re.ASCII | re.IGNORECASE)
WINDOWS_SHORT_NAME = re.compile(r"[^.]*~[0-9]+(\..*)?", re.ASCII)
NO_MAJOR_VERSION = re.compile(r"v(0[0-9]*|1)", re.ASCII)
OTHER = "another --module helps, such as example.com/my-hello"
RULE = "a host and names, such as github.com/ada/hello: letters, digits and - . _ ~ between slashes"


def default_module(owner: str, name: str) -> str:
    """Return the path of the module `name`: the one of its repository on GitHub, when it has an owner there."""
    return f"github.com/{owner}/{name}" if owner else f"example.com/{name}"


def module_path_message(path: str) -> str:
    """Return what keeps `path` from being the path of a Go module; "" if nothing does."""
    host, *names = elements = path.split("/")
    if not all(map(ELEMENT.fullmatch, elements)) or not HOST.fullmatch(host):
        return f"{path!r} is no path of a Go module; allowed is {RULE}"
    for element in elements:
        if WINDOWS_DEVICE.fullmatch(element) or WINDOWS_SHORT_NAME.fullmatch(element):
            return f"Go refuses the path {path!r}: Windows has a meaning of its own for {element!r}; {OTHER}"
    if names and NO_MAJOR_VERSION.fullmatch(names[-1]):
        return f"Go refuses the path {path!r}: versions at the end of a path begin with v2; {OTHER}"
    return ""
