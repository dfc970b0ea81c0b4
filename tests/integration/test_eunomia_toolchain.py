# SPDX-License-Identifier: BSD-2-Clause
"""The ecc and ecli of the tests are real, and the bpftool in this ecc prints the same as eunomia-bpf's bpftool."""

import json
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.integration.as_root import SUDO
from tests.integration.bpf_objects import (
    ADAPTER,
    STOCK,
    compile_object,
    run_bpftool,
    skeleton,
    stock_skeleton,
    stock_structures,
    structures,
    without_spaces,
)
from tests.paths import ROOT
from tests.toolchains import EUNOMIA

MAPS = """
struct { __uint(type, BPF_MAP_TYPE_HASH); __uint(max_entries, 8); __type(key, int); __type(value, long); } counts
    SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(max_entries, 1); __type(key, int); __type(value, long); } totals
    SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_RINGBUF); __uint(max_entries, 4096); } events SEC(".maps");
"""
VARIABLES = """
typedef int pid_t;
enum mood { GOOD, BAD };
struct point { int x, y; };
const volatile pid_t wanted = 7;
const volatile _Bool verbose = 1;
const volatile char greeting[6] = "hello";
static const volatile int hidden_constant = 3;
long calls;
unsigned char grid[2][3];
struct point last, *nearest;
static int hidden;
enum mood mood = BAD;
int limit = 10;
char aligned;
unsigned long long after_a_gap;
SEC("tp/syscalls/sys_enter_getpriority")
int count(void *ctx) { calls += hidden_constant + hidden++; return 0; }
"""
PROGRAMS = """
SEC("tp/syscalls/sys_enter_write")
int on_write(void *ctx) { return 0; }
SEC("kprobe/do_unlinkat")
int on_unlink(void *ctx) { return 0; }
SEC("xdp")
int pass(struct xdp_md *ctx) { bpf_printk("a text of its own, in a section that has no variable"); return XDP_PASS; }
"""
SOURCES = {
    "maps": MAPS,
    "variables": VARIABLES,
    "programs": PROGRAMS,
    "all": MAPS + VARIABLES + PROGRAMS,
    "nothing": "",
    "own_sections": 'int x SEC(".data.own") = 1; const int y SEC(".rodata.own") = 2;',
}


@pytest.mark.parametrize("name", SOURCES)
def test_the_skeleton_matches_stock_bpftool(tmp_path: Path, name: str) -> None:
    item = compile_object(SOURCES[name], tmp_path, name)
    adapted, stock = skeleton(item), stock_skeleton(item)
    assert adapted["obj_name"] == stock["obj_name"] == f"{name}_bpf"
    assert [(entry["name"], entry["ident"]) for entry in adapted["maps"]] == stock["maps"]
    assert [entry["name"] for entry in adapted["progs"]] == stock["progs"]
    assert all(entry["link"] is True for entry in adapted["progs"])
    # A bpftool with an older libbpf also maps sections without variables.
    with_variables = {name: variables for name, variables in stock["data_sections"].items() if variables}
    assert [entry["ident"] for entry in adapted["maps"] if entry.get("mmaped")] == list(with_variables)
    assert set(with_variables) <= set(stock["mapped"])
    declared = {entry["name"][1:].replace(".", "_"): c_declarations(entry) for entry in adapted["data_sections"]}
    assert declared == with_variables


def c_declarations(section: dict[str, Any]) -> list[str]:
    """Return the C declarations of the variables in a data section."""
    types = [(variable["name"], *variable["type"].partition("[")) for variable in section["variables"]]
    return [without_spaces(f"{before}{name}{bracket}{after};") for name, before, bracket, after in types]


def test_the_skeleton_has_maps_programs_and_variables(tmp_path: Path) -> None:
    assert skeleton(compile_object(SOURCES["all"], tmp_path, "thorough-sample")) == {
        "obj_name": "thorough_sample_bpf",
        "maps": [
            {"name": "counts", "ident": "counts"},
            {"name": "totals", "ident": "totals"},
            {"name": "events", "ident": "events"},
            {"name": "thorough.rodata", "ident": "rodata", "mmaped": True},
            {"name": "thorough.data", "ident": "data", "mmaped": True},
            {"name": "thorough.bss", "ident": "bss", "mmaped": True},
        ],
        "progs": [
            {"name": "count", "attach": "tp/syscalls/sys_enter_getpriority", "link": True},
            {"name": "on_write", "attach": "tp/syscalls/sys_enter_write", "link": True},
            {"name": "on_unlink", "attach": "kprobe/do_unlinkat", "link": True},
            {"name": "pass", "attach": "xdp", "link": True},
        ],
        "data_sections": [
            section(".rodata", wanted="pid_t", verbose="_Bool", greeting="char[6]"),
            section(".data", mood="enum mood", limit="int"),
            section(
                ".bss",
                calls="long",
                grid="unsigned char[2][3]",
                last="struct point",
                nearest="struct point *",
                aligned="char",
                after_a_gap="unsigned long long",
            ),
        ],
    }


def section(name: str, **variables: str) -> dict[str, Any]:
    """Return a data section with variables, each given as NAME="TYPE"."""
    return {"name": name, "variables": [{"name": name, "type": kind} for name, kind in variables.items()]}


# The declaration of a member, with `$` for its name, and the type in its description.
MEMBERS = {
    "int $": "int",
    "unsigned long long $": "unsigned long long",
    "__u64 $": "__u64",
    "char $[16]": "char[16]",
    "short $[2][3][4]": "short[2][3][4]",
    "const char *$": "const char *",
    "struct leaf *$": "struct leaf *",
    "struct leaf *$[3]": "struct leaf *[3]",
    "struct leaf $[2]": "struct leaf[2]",
    "volatile double $": "volatile double",
    "int (*$)(int)": "int (*)(int)",
    "unsigned int $ : 3": "unsigned int",
    "enum colour $": "enum",
    "struct leaf $": "composite",
    "union pair $": "composite",
    "struct { int inner; } $": "composite",
}


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(declarations=st.lists(st.sampled_from(list(MEMBERS)), min_size=1, max_size=12))
def test_structures_match_the_btf(tmp_path: Path, declarations: list[str]) -> None:
    members = [declaration.replace("$", f"m{number}") for number, declaration in enumerate(declarations)]
    head = "enum colour { RED, BLUE }; struct leaf { int value; }; union pair { int whole; char part; };"
    item = compile_object(f"{head}\nstruct event {{ {'; '.join(members)}; }};\nstruct event *unused;\n", tmp_path)
    adapted = structures(item)
    untyped = [{**entry, "members": [member["name"] for member in entry["members"]]} for entry in adapted]
    assert untyped == stock_structures(item)
    (event,) = [entry for entry in adapted if entry["name"] == "event"]
    assert [member["type"] for member in event["members"]] == [MEMBERS[declaration] for declaration in declarations]


def test_a_type_without_a_name_is_written_out(tmp_path: Path) -> None:
    item = compile_object('struct event { struct { int x; } *at; }; struct event first; char *text = "";', tmp_path)
    (event,) = [entry for entry in structures(item) if entry["name"] == "event"]
    assert without_spaces(event["members"][0]["type"]) == "struct{intx;}*"


@pytest.mark.parametrize(
    "name",
    "int128_test multiple_export_ringbuf multiple_export_sample_map profile_test simple_prog simple_prog_2 "
    "simple_prog_3 simple_prog_4 simple_prog_5 simple_prog_6".split(),
)
def test_descriptions_match_those_in_the_loader_crate(tmp_path: Path, name: str) -> None:
    """eunomia-bpf's version of bpftool generated the descriptions in the crate; some contain manual additions."""
    directory = EUNOMIA / "loader-assets" / name
    (description,) = directory.glob("*.skel.json")
    expected = json.loads(description.read_text())
    expected_skeleton = expected["bpf_skel"]
    (source,) = directory.glob("*.bpf.o")
    item = tmp_path / f"{expected_skeleton['obj_name'].removesuffix('_bpf')}.bpf.o"
    shutil.copy(source, item)
    assert skeleton(item) == {
        "obj_name": expected_skeleton["obj_name"],
        "maps": select_keys(expected_skeleton["maps"], "name", "ident", "mmaped"),
        "progs": select_keys(expected_skeleton["progs"] or [], "name", "attach", "link"),
        "data_sections": [
            {"name": part["name"], "variables": select_keys(part["variables"], "name", "type")}
            for part in expected_skeleton["data_sections"]
        ],
    }
    adapted = structures(item)
    for structure in expected.get("export_types", []):
        assert structure in adapted


def select_keys(entries: list[dict[str, Any]], *keys: str) -> list[dict[str, Any]]:
    """Return the entries, reduced to `keys`."""
    return [{key: entry[key] for key in keys if key in entry} for entry in entries]


def test_other_commands_are_passed_to_the_installed_bpftool(tmp_path: Path) -> None:
    item = compile_object(SOURCES["all"], tmp_path)
    for arguments in (["-j", "version"], ["btf", "dump", "file", item, "format", "c"], ["gen", "skeleton", item]):
        assert run_bpftool(ADAPTER, *arguments) == run_bpftool(STOCK, *arguments)


@pytest.mark.parametrize("arguments", [["gen", "skeleton", "FILE", "-j"], "btf dump file FILE format c -j".split()])
def test_an_invalid_object_file_is_named(tmp_path: Path, arguments: list[str]) -> None:
    (tmp_path / "FILE").write_text("not an object")
    done = subprocess.run([ADAPTER, *arguments], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "FILE" in done.stderr.splitlines()[-1]
    assert not done.stdout


def test_its_source_has_the_format_of_generated_code() -> None:
    style = f"--style=file:{ROOT / 'templates' / '_shared' / 'clang-format.j2'}"
    subprocess.run(["clang-format", style, "--dry-run", "-Werror", ROOT / "tools/eunomia/bpftool.c"], check=True)


EVENT = """\
struct event {
	int pid;
	char comm[16];
	unsigned long long answer;
};
"""
LISTENER = """\
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include "listener.h"
char LICENSE[] SEC("license") = "Dual BSD/GPL";
struct { __uint(type, BPF_MAP_TYPE_RINGBUF); __uint(max_entries, 4096); } events SEC(".maps");
const volatile int wanted = 0;

SEC("tp/syscalls/sys_enter_getpriority")
int report(void *ctx)
{
	int pid = bpf_get_current_pid_tgid() >> 32;
	struct event *event;

	if (wanted && pid != wanted)
		return 0;
	event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);
	if (!event)
		return 0;
	event->pid = pid;
	event->answer = 42;
	bpf_get_current_comm(event->comm, sizeof(event->comm));
	bpf_ringbuf_submit(event, 0);
	return 0;
}
"""


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a package from the real ecc. Its program reports in a ring buffer who calls getpriority()."""
    directory = tmp_path_factory.mktemp("package")
    (directory / "listener.h").write_text(EVENT)
    (directory / "listener.bpf.c").write_text(LISTENER)
    subprocess.run(["ecc-rs", "listener.bpf.c", "listener.h"], cwd=directory, check=True, capture_output=True)
    return directory / "package.json"


def test_ecc_describes_the_event(package: Path) -> None:
    meta = json.loads(package.read_text())["meta"]
    (event,) = meta["export_types"]
    assert (event["name"], event["size"]) == ("event", 32)
    assert [member["type"] for member in event["members"]] == ["int", "char[16]", "unsigned long long"]
    assert meta["bpf_skel"]["maps"][0]["name"] == "events"


def run_and_trigger(package: Path, *arguments: str) -> tuple[int, str, str]:
    """Run `package` with ecli until the event of this process arrives; return its status, output and log."""
    output, log = package.with_name("output"), package.with_name("log")
    command = [*SUDO, str(EUNOMIA / "bin" / "ecli-rs"), "run", *arguments]
    with output.open("w") as out, log.open("w") as err, subprocess.Popen(command, stdout=out, stderr=err) as ecli:
        try:
            wait_for("Running ebpf program...", log)
            # First another process calls getpriority(), then this one.
            subprocess.run(["nice"], check=True, stdout=subprocess.DEVNULL)
            os.getpriority(os.PRIO_PROCESS, 0)
            wait_for(str(os.getpid()), output)
            ecli.send_signal(signal.SIGINT)
            return ecli.wait(timeout=10), output.read_text(), log.read_text()
        finally:
            ecli.terminate()


def wait_for(text: str, file: Path) -> None:
    """Wait until `file` contains `text`."""
    deadline = time.monotonic() + 10
    while text not in file.read_text():
        assert time.monotonic() < deadline, f"{text!r} is not in {file.read_text()}"
        time.sleep(0.02)


def test_ecli_prints_events_as_a_table(package: Path) -> None:
    status, output, log = run_and_trigger(package, str(package))
    assert status == 0
    assert "Program exited" in log
    titles, *rows = [line.split() for line in output.splitlines()]
    assert titles == ["TIME", "PID", "COMM", "ANSWER"]
    comm = Path("/proc/self/comm").read_text().strip()
    assert [str(os.getpid()), *comm.split(), "42"] in [row[1:] for row in rows]
    assert "nice" in [row[2] for row in rows]


def test_ecli_sets_a_variable_and_prints_json(package: Path) -> None:
    status, output, _ = run_and_trigger(package, "--json", str(package), "--", "--wanted", str(os.getpid()))
    assert status == 0
    events = [json.loads(line) for line in output.splitlines()]
    assert {event["pid"] for event in events} == {os.getpid()}
    assert events[0]["answer"] == 42
