# SPDX-License-Identifier: BSD-2-Clause
"""Compile BPF programs, and ask this machine's bpftool and the one of tools/eunomia about them."""

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
# Debian keeps it where only root's PATH leads.
STOCK = shutil.which("bpftool", path=f"{os.environ['PATH']}{os.pathsep}/usr/sbin") or "bpftool"


def compile_object(source: str, directory: Path, name: str = "sample") -> Path:
    """Compile `source` to DIRECTORY/NAME.bpf.o; clang, not this function, says what is wrong with it."""
    target = directory / f"{name}.bpf.o"
    flags = ["-target", "bpf", "-O2", "-g", "-x", "c", f"-idirafter/usr/include/{platform.machine()}-linux-gnu"]
    subprocess.run(["clang", *flags, "-c", "-", "-o", target], input=HEAD + source, text=True, check=True)
    return target


def ask(bpftool: str, *arguments: str | Path) -> str:
    """Return what `bpftool` prints."""
    return subprocess.run([bpftool, *arguments], check=True, capture_output=True, text=True).stdout


def skeleton(item: Path) -> dict[str, Any]:
    """Return what the adapter says that the object holds."""
    answer: dict[str, Any] = json.loads(ask(ADAPTER, "gen", "skeleton", item, "-j"))
    return answer


def structures(item: Path) -> list[dict[str, Any]]:
    """Return what the adapter says of the object's structures."""
    answer: list[dict[str, Any]] = json.loads(ask(ADAPTER, "btf", "dump", "file", item, "format", "c", "-j"))["structs"]
    return answer


def stock_structures(item: Path) -> list[dict[str, Any]]:
    """Return the object's structures as the machine's bpftool knows them, without the types of the members."""
    types = json.loads(ask(STOCK, "-j", "btf", "dump", "file", item))["types"]
    return [
        {
            "name": "" if found["name"] == "(anon)" else found["name"],
            "type_id": found["id"],
            "size": found["size"],
            "members": ["" if member["name"] == "(anon)" else member["name"] for member in found["members"]],
        }
        for found in types
        if found["kind"] == "STRUCT"
    ]


def stock_skeleton(item: Path) -> dict[str, Any]:
    """Return what the header that the machine's bpftool makes of the object says of it."""
    header = ask(STOCK, "gen", "skeleton", item)
    name = re.findall(r"s->name = \"(\w+)\";", header)[0]
    maps = re.findall(r"(?:s->maps\[\d+\]\.|map->)name = \"([^\"]+)\"", header)
    identifiers = re.findall(r"(?:s->maps\[\d+\]\.|map->)map = &obj->maps\.(\w+);", header)
    sections = {
        section: [spaceless(line) for line in body.splitlines() if not re.match(r"\s*char __pad\d+\[", line)]
        for section, body in re.findall(rf"\tstruct {name}__(\w+) \{{\n(.*?)\t\}} \*\w+;", header, re.DOTALL)
    }
    return {
        "obj_name": name,
        "maps": list(zip(maps, identifiers, strict=True)),
        "mapped": re.findall(r"mmaped = \(void \*\*\)&obj->(\w+);", header),
        "progs": re.findall(r"s->progs\[\d+\]\.name = \"(\w+)\"", header),
        "data_sections": sections,
    }


def spaceless(declaration: str) -> str:
    """Return a C declaration as one word, in which spaces make no difference."""
    return "".join(declaration.split())
