# SPDX-License-Identifier: BSD-2-Clause
"""A manifest is read whole, and everything that is wrong with it is said at once."""

from pathlib import Path

import pytest

from scaffold.vmtest.errors import BadManifest
from scaffold.vmtest.manifest import load_manifest

GOOD = r"""
[project]
name = "hello"
framework = "libbpf"
[guest]
files = ["build/hello"]
[program]
command = ["./hello"]
filter = ["--pid", "{pid}"]
ready = "Attached"
[event]
trigger = ["echo", "hello"]
pattern = 'from PID (?P<pid>[0-9]+)\.'
"""


def manifest_file(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "vmtest.toml"
    path.write_text(text)
    return path


def test_a_good_manifest(tmp_path: Path) -> None:
    manifest = load_manifest(tmp_path, manifest_file(tmp_path, GOOD))
    assert (manifest.project, manifest.source, manifest.memory, manifest.seconds) == ("hello", "trace", 256, 30)
    assert manifest.filter == ("--pid", "{pid}")


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ('name = "hello"', "", "project.name must be a line of text"),
        ('files = ["build/hello"]', 'files = "build/hello"', "guest.files must be a list of texts"),
        ('command = ["./hello"]', "command = []", "program.command must be a list of texts"),
        ('"{pid}"', '"1"', "program.filter must hold {pid}"),
        ('ready = "Attached"', "ready = 3", "program.ready must be a line of text"),
        ("(?P<pid>[0-9]+)", "[0-9]+", "event.pattern must hold the group"),
        ("(?P<pid>[0-9]+)", "(?P<pid>[0-9]+", "event.pattern is not a regular expression"),
        ("[event]", '[event]\nsource = "radio"', "event.source must be one of trace, output"),
        ("[guest]", "[guest]\nmemory = 1", "guest.memory must be a number, at least 128"),
        ("[guest]", "[guest]\nmemroy = 512", "guest.memroy is not known"),
        ("[guest]", "[gest]", "[gest] is not known"),
        ("[project]", "project = 1\n[x]", "project must be a table"),
        ("[project]", "[project", "vmtest.toml"),
    ],
)
def test_each_fault_is_named(tmp_path: Path, old: str, new: str, complaint: str) -> None:
    assert old in GOOD
    with pytest.raises(BadManifest) as caught:
        load_manifest(tmp_path, manifest_file(tmp_path, GOOD.replace(old, new)))
    assert complaint in str(caught.value)


def test_all_faults_at_once(tmp_path: Path) -> None:
    with pytest.raises(BadManifest) as caught:
        load_manifest(tmp_path, manifest_file(tmp_path, ""))
    for key in ("project.name", "guest.files", "program.ready", "event.trigger", "event.pattern"):
        assert key in str(caught.value)


def test_no_manifest(tmp_path: Path) -> None:
    with pytest.raises(BadManifest, match=r"is .* a project with a VM test"):
        load_manifest(tmp_path)
