# SPDX-License-Identifier: BSD-2-Clause
"""Manifests as data, for the tests of their reader and their schema."""

import copy
import json
from typing import Any

Data = dict[str, Any]

MINIMAL: Data = {
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
TOKEN: Data = {**MINIMAL, "event": {"trigger": ["cat", "/{token}"], "pattern": "(?P<token>.)"}}
PORT: Data = {**MINIMAL, "event": {"trigger": ["nc", "::1", "{port}"], "pattern": "(?P<port>.)", "source": "trace"}}


def with_value(data: Data, name: str, value: Any) -> Data:
    """Return a copy of `data` in which the table or TABLE.KEY `name` has the value."""
    result = copy.deepcopy(data)
    table, _, key = name.partition(".")
    if key:
        result.setdefault(table, {})[key] = value
    else:
        result[table] = value
    return result


def as_toml(data: Data) -> str:
    """Return `data` as a TOML document."""
    return "".join(f"{_inline(key)} = {_inline(value)}\n" for key, value in data.items())


def _inline(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_inline(key)} = {_inline(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_inline, value)) + "]"
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
