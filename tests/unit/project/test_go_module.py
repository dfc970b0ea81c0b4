# SPDX-License-Identifier: BSD-2-Clause
"""Which module paths are valid; tests/integration/test_go.py compares the rules with Go itself."""

import pytest

from scaffold.project.go_module import default_module, module_path_problem


@pytest.mark.parametrize(
    "path", ["example.com/hello", "github.com/Ada-L/my_tool", "a.b/c/d/v2", "x.y", "go.dev/a~da/x.y", "example.com/vv1"]
)
def test_valid_paths(path: str) -> None:
    assert module_path_problem(path) is None


BAD = {
    "": "expected a host and names",
    "hello": "expected a host and names",
    "fmt/hello": "expected a host and names",
    "Example.com/hello": "expected a host and names",
    "example.com//hello": "expected a host and names",
    "example.com/": "expected a host and names",
    "/example.com": "expected a host and names",
    "example.com/.hello": "expected a host and names",
    "example.com/hello.": "expected a host and names",
    "example.com/hel lo": "expected a host and names",
    "example.com/-hello": "expected a host and names",
    "example.com/~hello": "expected a host and names",
    "example.com/안녕": "expected a host and names",
    "https://example.com/hello": "expected a host and names",
    'example.com/"': "expected a host and names",
    "example.com/Aux": "'Aux': Go does not accept",
    "example.com/con.x/hello": "'con.x': Go does not accept",
    "example.com/hello~1": "'hello~1': Go does not accept",
    "example.com/v1": "below v2",
    "example.com/v01": "below v2",
}


@pytest.mark.parametrize(("path", "reason"), BAD.items())
def test_invalid_paths_are_reported_with_the_reason(path: str, reason: str) -> None:
    problem = module_path_problem(path)
    assert problem and problem.answer == "--module"
    assert repr(path) in problem.message and reason in problem.message


def test_the_default_module_follows_the_owner() -> None:
    assert default_module("", "hello") == "example.com/hello"
    assert default_module("ada", "hello") == "github.com/ada/hello"
