# SPDX-License-Identifier: BSD-2-Clause
"""Which paths Go takes for a module; tests/integration holds them against Go itself."""

import pytest

from scaffold.project.go_module import default_module, module_path_message


@pytest.mark.parametrize(
    "path", ["example.com/hello", "github.com/Ada-L/my_tool", "a.b/c/d/v2", "x.y", "go.dev/a~da/x.y", "example.com/vv1"]
)
def test_good_paths(path: str) -> None:
    assert module_path_message(path) == ""


BAD = {
    "": "allowed is a host and names",
    "hello": "allowed is a host and names",
    "fmt/hello": "allowed is a host and names",
    "Example.com/hello": "allowed is a host and names",
    "example.com//hello": "allowed is a host and names",
    "example.com/": "allowed is a host and names",
    "/example.com": "allowed is a host and names",
    "example.com/.hello": "allowed is a host and names",
    "example.com/hello.": "allowed is a host and names",
    "example.com/hel lo": "allowed is a host and names",
    "example.com/-hello": "allowed is a host and names",
    "example.com/~hello": "allowed is a host and names",
    "example.com/안녕": "allowed is a host and names",
    "https://example.com/hello": "allowed is a host and names",
    'example.com/"': "allowed is a host and names",
    "example.com/Aux": "a meaning of its own for 'Aux'",
    "example.com/con.x/hello": "a meaning of its own for 'con.x'",
    "example.com/hello~1": "a meaning of its own for 'hello~1'",
    "example.com/v1": "begin with v2",
    "example.com/v01": "begin with v2",
}


@pytest.mark.parametrize(("path", "fault"), BAD.items())
def test_bad_paths_are_told_what_is_wrong(path: str, fault: str) -> None:
    assert fault in module_path_message(path)


def test_the_default_follows_the_owner() -> None:
    assert default_module("", "hello") == "example.com/hello"
    assert default_module("ada", "hello") == "github.com/ada/hello"
