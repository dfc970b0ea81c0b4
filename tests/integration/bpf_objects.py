# SPDX-License-Identifier: BSD-2-Clause
"""Compile BPF programs and inspect them with this machine's bpftool and that of tools/eunomia."""

import json
import os
import platform
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

from tests.toolchains import EUNOMIA

HEAD = """\
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
char LICENSE[] SEC("license") = "Dual BSD/GPL";
"""
ADAPTER = str(EUNOMIA / "libexec" / "bpftool")
# On Debian it is in a directory that only root has in PATH.
STOCK = shutil.which("bpftool", path=f"{os.environ['PATH']}{os.pathsep}/usr/sbin") or "bpftool"


def compile_object(source: str, directory: Path, name: str = "sample") -> Path:
    """Compile `source` to DIRECTORY/NAME.bpf.o; clang reports the errors in it."""
    target = directory / f"{name}.bpf.o"
    flags = ["-target", "bpf", "-O2", "-g", "-x", "c", f"-idirafter/usr/include/{platform.machine()}-linux-gnu"]
    subprocess.run(["clang", *flags, "-c", "-", "-o", target], input=HEAD + source, text=True, check=True)
    return target


def run_bpftool(bpftool: str, *arguments: str | Path) -> str:
    """Return the output of `bpftool`."""
    return subprocess.run([bpftool, *arguments], check=True, capture_output=True, text=True).stdout


def skeleton(item: Path) -> dict[str, Any]:
    """Return the content of the object, as the adapter reports it."""
    answer: dict[str, Any] = json.loads(run_bpftool(ADAPTER, "gen", "skeleton", item, "-j"))
    return answer


def structures(item: Path) -> list[dict[str, Any]]:
    """Return the structures of the object, as the adapter reports them."""
    answer: list[dict[str, Any]] = json.loads(run_bpftool(ADAPTER, "btf", "dump", "file", item, "format", "c", "-j"))[
        "structs"
    ]
    return answer


def stock_structures(item: Path) -> list[dict[str, Any]]:
    """Return the structures of the object, as this machine's bpftool reports them, without the types of members."""
    types = json.loads(run_bpftool(STOCK, "-j", "btf", "dump", "file", item))["types"]
    return [
        {
            "name": "" if btf_type["name"] == "(anon)" else btf_type["name"],
            "type_id": btf_type["id"],
            "size": btf_type["size"],
            "members": ["" if member["name"] == "(anon)" else member["name"] for member in btf_type["members"]],
        }
        for btf_type in types
        if btf_type["kind"] == "STRUCT"
    ]


def stock_skeleton(item: Path) -> dict[str, Any]:
    """Return the content of the object, from the header that this machine's bpftool generates."""
    header = run_bpftool(STOCK, "gen", "skeleton", item)
    name = re.findall(r"s->name = \"(\w+)\";", header)[0]
    maps = re.findall(r"(?:s->maps\[\d+\]\.|map->)name = \"([^\"]+)\"", header)
    identifiers = re.findall(r"(?:s->maps\[\d+\]\.|map->)map = &obj->maps\.(\w+);", header)
    sections = {
        section: [without_spaces(line) for line in body.splitlines() if not re.match(r"\s*char __pad\d+\[", line)]
        for section, body in re.findall(rf"\tstruct {name}__(\w+) \{{\n(.*?)\t\}} \*\w+;", header, re.DOTALL)
    }
    return {
        "obj_name": name,
        "maps": list(zip(maps, identifiers, strict=True)),
        "mapped": re.findall(r"mmaped = \(void \*\*\)&obj->(\w+);", header),
        "progs": re.findall(r"s->progs\[\d+\]\.name = \"(\w+)\"", header),
        "data_sections": sections,
    }


def without_spaces(declaration: str) -> str:
    """Return a C declaration without spaces, so that they make no difference."""
    return "".join(declaration.split())
