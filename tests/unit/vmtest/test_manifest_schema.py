# SPDX-License-Identifier: BSD-2-Clause
"""The schema for editors, the table in the documentation and the reader accept and describe the same manifests."""

import copy
import json
import re
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from scaffold.vmtest.errors import ManifestError
from scaffold.vmtest.manifest import GUEST_DIRECTORIES, Manifest, load_manifest
from tests.manifests import FULL, MINIMAL, PORT, TOKEN, Data, as_toml, with_value

DOCS = Path(__file__).parents[3] / "docs"
SCHEMA = json.loads((DOCS / "vmtest.schema.json").read_text())
VALIDATOR = Draft202012Validator(SCHEMA)
TABLES = {table: list(schema["properties"]) for table, schema in SCHEMA["properties"].items()}
# A schema cannot check these: the pattern is valid in Python and has exactly one group, and targets are unique.
READER_ONLY = re.compile(r"event\.pattern: (invalid|expected exactly one)|guest\.files: several items")
VALID = [MINIMAL, FULL, TOKEN, PORT]


def read(data: Data) -> Manifest:
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "vmtest.toml"
        path.write_text(as_toml(data), encoding="utf-8")
        return load_manifest(path.parent, path)


def reader_error(data: Data) -> str:
    """Return the reader's error message for `data`; "" if it accepts them."""
    try:
        read(data)
    except ManifestError as error:
        return str(error)
    return ""


def is_accepted(data: Data) -> bool:
    """Return whether `data` are valid. Schema and reader must agree, except for what only the reader can check."""
    error = reader_error(data)
    in_schema = bool(VALIDATOR.is_valid(data))
    if in_schema and READER_ONLY.search(error):
        return False
    assert in_schema == (error == ""), error or list(VALIDATOR.iter_errors(data))
    return in_schema


def test_the_schema_is_valid() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    properties = [schema for table in SCHEMA["properties"].values() for schema in table["properties"].values()]
    assert all(schema["description"].endswith(".") for schema in [*SCHEMA["properties"].values(), *properties])


def test_both_accept_valid_manifests() -> None:
    assert [is_accepted(data) for data in VALID] == [True] * len(VALID)


INVALID: dict[str, list[Any]] = {
    "nothing": [1, {}],
    "project": [[]],
    "event": ["x"],
    "guest": [{}],
    "limits": [1],
    "build.secs": [1],
    "project.name": ["", " \t", "a\nb", "\0", 1, ["x"]],
    "project.framework": ["", "\x7f", True],
    "build.command": ["make", [1], [""], ["\r"]],
    "build.seconds": [0, 0.5, 86401, "1", True],
    "guest.files": [
        *["x", [], [""], ["/x"], ["../x"], ["a/.."], ["a//b"], ["a/"], ["."], ["a\n"], ["a:"], ["a:/"], ["a:/etc"]],
        *[["a:/bin/sh"], ["a:/run/x"], ["a:/usr/x"], ["a:/init"], ["a:/etc/"]],
        *[["a:../x"], ["a:/etc/../x"], ["a:b:c"], ["a:."]],
    ],
    "guest.memory": [127, 16385, 256.5, "256", True, -1],
    "guest.modules": ["xfs", [""], ["a b"], ["a.ko"], ["a\n"], [1]],
    "program.command": [[], "./x", ["x", ""], ["\x1b"], {}],
    "program.filter": [[], ["x"], "{pid}", [1, "{pid}"]],
    "program.ready": ["", " ", 1, "a\n"],
    "program.exit_status": [-1, 256, 1.5, [], [256], ["0"], [[0]], True, "0"],
    "event.source": ["", "radio", 1, ["trace"]],
    "event.trigger": [[], "x", [""], ["{token}"], ["{port}"], ["x\0"]],
    "event.pattern": ["", "x", "(?P<token>.)", "(?P<port>.)", "(?P<pid>.)\n", 1],
    "limits.seconds": [0, 1e9, "30", False, [30]],
    "limits.boot_seconds": [-1, []],
}


@pytest.mark.parametrize("name", INVALID)
def test_both_reject_invalid_values(name: str) -> None:
    for value in INVALID[name]:
        for data in (with_value(MINIMAL, name, value), with_value(FULL, name, value)):
            assert not VALIDATOR.is_valid(data), value
            assert name in reader_error(data), value


def test_there_are_invalid_values_for_every_key() -> None:
    assert {f"{table}.{key}" for table, keys in TABLES.items() for key in keys} <= set(INVALID)


@pytest.mark.parametrize(
    ("name", "minimum", "maximum"),
    [
        ("build.seconds", 1, 86400),
        ("guest.memory", 128, 16384),
        ("program.exit_status", 0, 255),
        ("limits.seconds", 1, 86400),
        ("limits.boot_seconds", 1, 86400),
    ],
)
def test_both_have_the_same_limits(name: str, minimum: int, maximum: int) -> None:
    values = (minimum, maximum, minimum - 1, maximum + 1)
    assert [is_accepted(with_value(FULL, name, value)) for value in values] == [True, True, False, False]


def test_both_accept_the_same_directories_of_the_guest() -> None:
    assert sorted(GUEST_DIRECTORIES) == "etc home opt root srv tmp var".split()
    for target in ("x", *(f"/{name}/x" for name in GUEST_DIRECTORIES)):
        assert is_accepted(with_value(FULL, "guest.files", [f"a:{target}"])), target


@pytest.mark.parametrize("name", [f"{table}.{key}" for table in MINIMAL for key in MINIMAL[table]])
def test_both_require_the_same_keys(name: str) -> None:
    data = copy.deepcopy(MINIMAL)
    table, _, key = name.partition(".")
    del data[table][key]
    assert not is_accepted(data)
    assert f"{name} is missing" in reader_error(data)


def test_both_require_a_pid_for_a_filter() -> None:
    assert not is_accepted(with_value(TOKEN, "program.filter", ["{pid}"]))


def test_both_know_the_same_keys() -> None:
    tables = re.search(r"the file has the tables (.*)", reader_error({**MINIMAL, "zzzz": {}}))
    assert tables and tables[1].split(", ") == list(TABLES)
    for table, keys in TABLES.items():
        known = re.search(rf"\[{table}\] has the keys (.*)", reader_error(with_value(MINIMAL, f"{table}.zzzz", 1)))
        assert known and sorted(known[1].split(", ")) == sorted(keys)


def test_both_have_the_same_defaults() -> None:
    defaults = {
        f"{table}.{key}": schema["default"]
        for table in TABLES
        for key, schema in SCHEMA["properties"][table]["properties"].items()
        if "default" in schema
    }
    named = with_value(MINIMAL, "project.name", "hello")
    assert "build.command" in defaults and "program.exit_status" in defaults
    for name, default in defaults.items():
        assert replace(read(with_value(named, name, default)), root=Path()) == replace(read(named), root=Path())


VALUES = st.recursive(
    st.one_of(
        st.booleans(),
        st.integers(-5, 70000),
        st.floats(allow_nan=False, allow_infinity=False),
        st.text(max_size=6),
        st.text("/.:abe{}tc\n", max_size=8),
        st.sampled_from(
            ["{pid}", "{token}", "{port}", "(?P<pid>x)", "(?P<token>x)(?P<pid>", "../x", "/etc/x", "output"]
        ),
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=2),
    max_leaves=4,
)
NAMES = st.one_of(
    st.sampled_from([*TABLES, *(f"{table}.{key}" for table, keys in TABLES.items() for key in keys)]),
    st.builds("{}.{}".format, st.sampled_from([*TABLES]), st.text("abcmemory", min_size=1, max_size=6)),
    st.text("abcprojet", min_size=1, max_size=7),
)


@given(st.sampled_from(VALID), NAMES, VALUES)
@example(FULL, "guest.files", ["a", "a"])
@example(FULL, "guest.memory", 512.0)
@example(FULL, "guest.memory", 1e300)
@example(FULL, "program.exit_status", [0.0])
@example(FULL, "event.pattern", "(?P<pid>x){99999999999}")
@example(FULL, "project.name", "\u2028\x85")
def test_both_agree_on_any_value_of_any_key(data: Data, name: str, value: Any) -> None:
    if not isinstance(data.get(name.partition(".")[0], {}), dict):
        return
    is_accepted(with_value(data, name, value))


def documented_rows() -> list[str]:
    """Return the rows of the table in the documentation, as the schema has them."""
    rows = []
    for table, schema in SCHEMA["properties"].items():
        for key, properties in schema["properties"].items():
            default = f"`{json.dumps(properties['default'])}`" if "default" in properties else ""
            column = "required" if key in schema.get("required", ()) else default
            rows.append(f"| `{table}.{key}` | {column} | {properties['description']} |")
    return rows


def test_the_documentation_has_every_key() -> None:
    document = (DOCS / "vmtest.md").read_text()
    table = re.search(r"^\| key \| default \| meaning \|\n\|[ |-]*\|\n((?:\|.*\n)+)", document, re.M)
    assert table and table[1].splitlines() == documented_rows()
