# SPDX-License-Identifier: BSD-2-Clause
"""The schema for editors, the table in the documentation and the reader of manifests say the same."""

import copy
import json
import re
import subprocess
import tempfile
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from scaffold.project.catalog import frameworks
from scaffold.vmtest.errors import ManifestError
from scaffold.vmtest.manifest import Manifest, load_manifest
from tests.render.linters import of_python
from tests.render.trees import rendered

DOCS = Path(__file__).parents[3] / "docs"
SCHEMA = json.loads((DOCS / "vmtest.schema.json").read_text())
VALIDATOR = Draft202012Validator(SCHEMA)
TABLES = {table: list(schema["properties"]) for table, schema in SCHEMA["properties"].items()}
# What no schema can say: a pattern must be one of Python's with one of the groups, and places must differ.
READER_ONLY = re.compile(r"event\.pattern (is no regular expression|has )|guest\.files has more than one")
Data = dict[str, Any]

LEAST: Data = {
    "guest": {"files": ["hello"]},
    "program": {"command": ["./hello"], "ready": "Attached"},
    "event": {"trigger": ["echo"], "pattern": "PID (?P<pid>[0-9]+)"},
}
FULL: Data = {
    "project": {"name": "hello", "framework": "libbpf"},
    "build": {"command": ["./build.sh", "{arch}"], "seconds": 1.5},
    "guest": {"files": ["build/x:/etc/x", "conf"], "memory": 512, "modules": ["nf-conntrack"]},
    "program": {"command": ["./x"], "filter": ["--pid={pid}"], "ready": "on", "exit_status": [0, 130]},
    "event": {"source": "output", "trigger": ["cat", "\tx"], "pattern": "(?P<pid>[0-9]+)"},
    "limits": {"seconds": 30, "boot_seconds": 1e3},
}
TOKEN: Data = {**LEAST, "event": {"trigger": ["cat", "/{token}"], "pattern": "(?P<token>.)"}}
PORT: Data = {**LEAST, "event": {"trigger": ["nc", "::1", "{port}"], "pattern": "(?P<port>.)", "source": "trace"}}
GOOD = [LEAST, FULL, TOKEN, PORT]


def toml(value: Any) -> str:
    """Write a value as TOML has it inline; a document is a table's lines."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{toml(key)} = {toml(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def document(data: Data) -> str:
    return "".join(f"{toml(key)} = {toml(value)}\n" for key, value in data.items())


def read(data: Data) -> Manifest:
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "vmtest.toml"
        path.write_text(document(data), encoding="utf-8")
        return load_manifest(path.parent, path)


def refusal(data: Data) -> str:
    """What the reader says against `data`; nothing when it takes them."""
    try:
        read(data)
    except ManifestError as error:
        return str(error)
    return ""


def agreed(data: Data) -> bool:
    """Whether `data` are good, which schema and reader must agree about; the reader may know more."""
    said = refusal(data)
    valid = bool(VALIDATOR.is_valid(data))
    if valid and READER_ONLY.search(said):
        return False
    assert valid == (said == ""), said or list(VALIDATOR.iter_errors(data))
    return valid


def changed(data: Data, name: str, value: Any) -> Data:
    result = copy.deepcopy(data)
    table, _, key = name.partition(".")
    if key:
        result.setdefault(table, {})[key] = value
    else:
        result[table] = value
    return result


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    properties = [schema for table in SCHEMA["properties"].values() for schema in table["properties"].values()]
    assert all(each["description"].endswith(".") for each in [*SCHEMA["properties"].values(), *properties])


@pytest.mark.parametrize("data", GOOD)
def test_both_take_what_is_good(data: Data) -> None:
    assert agreed(data)


@pytest.mark.parametrize("framework", [framework.name for framework in frameworks()])
def test_both_take_the_manifests_of_our_own_projects(framework: str, tmp_path: Path) -> None:
    project = rendered(tmp_path, framework, name="hello", author="", email="")
    assert agreed(tomllib.loads((project / "test/vmtest.toml").read_text()))
    assert load_manifest(project).filter


BAD: dict[str, list[Any]] = {
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
        *[
            ["a:/bin/sh"],
            ["a:/run/x"],
            ["a:/usr/x"],
            ["a:/init"],
            ["a:/etc/"],
            ["a:../x"],
            ["a:/etc/../x"],
            ["a:b:c"],
            ["a:."],
        ],
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


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in BAD.items() for value in values])
def test_both_refuse_what_is_bad(name: str, value: Any) -> None:
    for data in (LEAST, FULL):
        assert not agreed(changed(data, name, value))
        assert not VALIDATOR.is_valid(changed(data, name, value))
        assert name in refusal(changed(data, name, value))


RANGES = [
    ("build.seconds", 1, 86400),
    ("guest.memory", 128, 16384),
    ("program.exit_status", 0, 255),
    ("limits.seconds", 1, 86400),
    ("limits.boot_seconds", 1, 86400),
]


@pytest.mark.parametrize(("name", "lowest", "highest"), RANGES)
def test_both_have_the_same_bounds(name: str, lowest: int, highest: int) -> None:
    assert [agreed(changed(FULL, name, value)) for value in (lowest, highest)] == [True, True]
    assert [agreed(changed(FULL, name, value)) for value in (lowest - 1, highest + 1)] == [False, False]


@pytest.mark.parametrize("place", ["x", *(f"/{name}/x" for name in "etc home opt root srv tmp var".split())])
def test_both_take_the_places_in_the_guest_that_are_allowed(place: str) -> None:
    assert agreed(changed(FULL, "guest.files", [f"a:{place}"]))


def test_every_key_is_there_with_something_bad() -> None:
    assert {f"{table}.{key}" for table, keys in TABLES.items() for key in keys} <= set(BAD)


@pytest.mark.parametrize(("table", "key"), [(table, key) for table in LEAST for key in LEAST[table]])
def test_both_miss_what_is_missing(table: str, key: str) -> None:
    data = copy.deepcopy(LEAST)
    del data[table][key]
    assert not agreed(data)
    assert f"{table}.{key} is missing" in refusal(data)


def test_a_filter_needs_a_pid_for_both() -> None:
    assert not agreed(changed(TOKEN, "program.filter", ["{pid}"]))


def test_the_schema_serves_on_a_command_line(tmp_path: Path) -> None:
    file = tmp_path / "vmtest.toml"
    command = [of_python("check-jsonschema"), "--schemafile", str(DOCS / "vmtest.schema.json"), str(file)]
    for data, status in ((FULL, 0), (PORT, 0), (changed(FULL, "guest.files", ["../x"]), 1)):
        file.write_text(document(data))
        assert subprocess.run(command, capture_output=True, check=False).returncode == status


def test_both_know_the_same_keys() -> None:
    tables = re.search(r"the file has the tables (.*)", refusal({**LEAST, "zzzz": {}}))
    assert tables and tables[1].split(", ") == list(TABLES)
    for table, keys in TABLES.items():
        taken = re.search(rf"\[{table}\] takes (.*)", refusal(changed(LEAST, f"{table}.zzzz", 1)))
        assert taken and sorted(taken[1].split(", ")) == sorted(keys)


def test_both_have_the_same_defaults() -> None:
    defaults = {
        f"{table}.{key}": schema["default"]
        for table in TABLES
        for key, schema in SCHEMA["properties"][table]["properties"].items()
        if "default" in schema
    }
    named = changed(LEAST, "project.name", "hello")
    assert "build.command" in defaults and "program.exit_status" in defaults
    for name, default in defaults.items():
        assert replace(read(changed(named, name, default)), root=Path()) == replace(read(named), root=Path())


JUNK = st.recursive(
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


@given(st.sampled_from(GOOD), NAMES, JUNK)
@example(FULL, "guest.files", ["a", "a"])
@example(FULL, "guest.memory", 512.0)
@example(FULL, "guest.memory", 1e300)
@example(FULL, "program.exit_status", [0.0])
@example(FULL, "event.pattern", "(?P<pid>x){99999999999}")
@example(FULL, "project.name", "\u2028\x85")
def test_both_agree_whatever_stands_somewhere(data: Data, name: str, value: Any) -> None:
    if not isinstance(data.get(name.partition(".")[0], {}), dict):
        return
    agreed(changed(data, name, value))


def rows() -> list[str]:
    """The table of the documentation, from the schema."""
    found = []
    for table, schema in SCHEMA["properties"].items():
        for key, each in schema["properties"].items():
            default = f"`{json.dumps(each['default'])}`" if "default" in each else ""
            needed = "required" if key in schema.get("required", ()) else default
            found.append(f"| `{table}.{key}` | {needed} | {each['description']} |")
    return found


def test_the_documentation_has_every_key() -> None:
    table = re.search(
        r"^\| key \| default \| meaning \|\n\|[ |-]*\|\n((?:\|.*\n)+)", (DOCS / "vmtest.md").read_text(), re.M
    )
    assert table and table[1].splitlines() == rows()
