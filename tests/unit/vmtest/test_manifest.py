# SPDX-License-Identifier: BSD-2-Clause
"""A manifest is read whole, and everything that is wrong with it is said at once."""

from pathlib import Path

import pytest

from scaffold.vmtest.errors import ManifestError
from scaffold.vmtest.manifest import Manifest, load_manifest, source_and_target

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
LEAST = r"""
[guest]
files = ["hello"]
[program]
command = ["./hello"]
ready = "Attached"
[event]
trigger = ["echo"]
pattern = 'PID (?P<pid>[0-9]+)'
"""
TOKEN = (
    GOOD.replace('filter = ["--pid", "{pid}"]', "").replace("<pid>[0-9]", "<token>[a-z]").replace("hello", "{token}")
)


def read(directory: Path, text: str) -> Manifest:
    path = directory / "vmtest.toml"
    path.write_text(text)
    return load_manifest(directory, path)


def complaints(directory: Path, text: str) -> list[str]:
    """What is said of `text`, complaint by complaint, without the file's name."""
    with pytest.raises(ManifestError) as caught:
        read(directory, text)
    head, _, rest = str(caught.value).partition(":")
    assert head == str(directory / "vmtest.toml")
    return [line.strip() for line in rest.strip().splitlines()]


def test_a_good_manifest(tmp_path: Path) -> None:
    manifest = read(tmp_path, GOOD)
    assert (manifest.project, manifest.source, manifest.memory, manifest.seconds) == ("hello", "trace", 256, 30)
    assert (manifest.filter, manifest.proof) == (("--pid", "{pid}"), "pid")


def test_the_least_that_a_manifest_must_say(tmp_path: Path) -> None:
    manifest = read(tmp_path, LEAST)
    assert (manifest.project, manifest.framework, manifest.filter) == (tmp_path.name, "", ())
    assert (manifest.build[0], manifest.build[-1], manifest.build_seconds) == ("make", "ARCH={arch}", 900)
    assert (manifest.modules, manifest.exit_status) == ((), (0,))


def test_the_name_of_the_directory_that_is_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "vmtest.toml").write_text(LEAST)
    monkeypatch.chdir(tmp_path)
    assert load_manifest(Path("."), Path("vmtest.toml")).project == tmp_path.name


def test_what_is_optional(tmp_path: Path) -> None:
    more = '[build]\ncommand = []\nseconds = 60\n[guest]\nmodules = ["xfs", "nf-conntrack"]'
    text = LEAST.replace("[guest]", more).replace("[program]", "[program]\nexit_status = [0, 130]")
    manifest = read(tmp_path, text)
    assert (manifest.build, manifest.build_seconds, manifest.modules) == ((), 60, ("xfs", "nf-conntrack"))
    assert manifest.exit_status == (0, 130)
    assert read(tmp_path, LEAST.replace("[program]", "[program]\nexit_status = 130")).exit_status == (130,)


@pytest.mark.parametrize("proof", ["token", "port"])
def test_a_word_of_the_run_instead_of_a_pid(tmp_path: Path, proof: str) -> None:
    assert read(tmp_path, TOKEN.replace("token", proof)).proof == proof


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ('name = "hello"', 'name = " "', 'project.name is " ", but must be a line of text'),
        ('name = "hello"', 'name = "a\\nb"', 'project.name is "a\\nb", but must be a line of text'),
        ('files = ["build/hello"]', "", "guest.files is missing: it must be a list of texts"),
        ('files = ["build/hello"]', 'files = "build/hello"', 'guest.files is "build/hello", but must be a list of'),
        ("build/hello", "../hello", "each a path below the project's directory"),
        ("build/hello", "build/../../hello", "each a path below the project's directory"),
        ("build/hello", "./hello", "each a path below the project's directory"),
        ("build/hello", "/etc/passwd", "each a path below the project's directory"),
        ("build/hello", "build/", "each a path below the project's directory"),
        ("build/hello", "build/hello:/bin/busybox", "TARGET below /app or in /etc, /home"),
        ("build/hello", "build/hello:/etc", "TARGET below /app or in /etc, /home"),
        ("build/hello", "build/hello:/etc/../init", "TARGET below /app or in /etc, /home"),
        ("build/hello", "build/hello:a:b", "TARGET below /app"),
        ('"build/hello"', '"a/x", "b/x"', "guest.files has more than one for /app/x in the guest"),
        ('command = ["./hello"]', "command = []", "program.command is [], but must be a list of texts"),
        ('["./hello"]', '["./hello", ""]', 'program.command is ["./hello", ""], but must be a list of texts'),
        ('"./hello"', '"./hel\\u0000lo"', "program.command is"),
        ('"{pid}"', '"1"', "program.filter must hold {pid}"),
        ('["--pid", "{pid}"]', "[]", "program.filter is [], but must be a list of texts"),
        ('ready = "Attached"', "ready = 3", "program.ready is 3, but must be a line of text"),
        ('ready = "Attached"', "ready = 1979-05-27", 'program.ready is "1979-05-27", but must be a line of text'),
        ("[program]", "[program]\nexit_status = 256", "program.exit_status is 256, but must be a whole number from 0"),
        ("[program]", "[program]\nexit_status = []", "program.exit_status is [], but must be a whole number from 0"),
        ("[program]", "[program]\nexit_status = true", "program.exit_status is true, but must be a whole number"),
        ("(?P<pid>[0-9]+)", "[0-9]+", "event.pattern has none of the groups (?P<pid>[0-9]+), (?P<token>[a-z]+)"),
        ("(?P<pid>[0-9]+)", "(?P<pid>1)(?P<port>2)", "event.pattern has pid and port of the groups"),
        ("(?P<pid>[0-9]+)", "(?P<token>[a-z]+)", "program.filter needs the group (?P<pid>[0-9]+) in event.pattern"),
        ("(?P<pid>[0-9]+)", "(?P<pid>[0-9]+", "event.pattern is no regular expression of Python's: missing )"),
        ('"hello"]', '"{token}"]', "event.trigger holds {token}, but event.pattern has no group (?P<token>...) for it"),
        ("[event]", '[event]\nsource = "radio"', 'event.source is "radio", but must be one of trace, output'),
        ("[guest]", "[guest]\nmemory = 1", "guest.memory is 1, but must be a whole number from 128 to 16384"),
        ("[guest]", "[guest]\nmemory = 300.5", "guest.memory is 300.5, but must be a whole number"),
        ("[guest]", "[guest]\nmemory = inf", "guest.memory is Infinity, but must be a whole number"),
        ("[guest]", '[guest]\nmodules = ["../x"]', 'guest.modules is ["../x"], but must be a list of texts'),
        ("[guest]", "[limits]\nseconds = 0\n[guest]", "limits.seconds is 0, but must be a number from 1 to 86400"),
        ("[guest]", "[limits]\nseconds = nan\n[guest]", "limits.seconds is NaN, but must be a number"),
        (
            "[guest]",
            "[guest]\nmemroy = 512",
            "guest.memroy is not known: did you mean memory? [guest] takes files, mem",
        ),
        ("[guest]", "[guest]\nqqq = 512", "guest.qqq is not known: [guest] takes files, memory, modules"),
        ("[guest]", '[guest]\n"q\\u001bq" = 512', "guest.q\\x1bq is not known"),
        ("[event]", "[evnet]\n[event]", "[evnet] is not known: did you mean event? the file has the tables project,"),
        ("[project]", "project = 1\n[event.x]", "project is 1, but must be a table: [project]"),
    ],
)
def test_each_fault_is_named(tmp_path: Path, old: str, new: str, complaint: str) -> None:
    assert old in GOOD
    said = complaints(tmp_path, GOOD.replace(old, new))
    assert any(complaint in line for line in said), said


def test_a_word_that_no_trigger_holds_proves_nothing(tmp_path: Path) -> None:
    assert complaints(tmp_path, TOKEN.replace("{token}", "hello")) == [
        "event.pattern has the group token, but no word of event.trigger holds {token}"
    ]


def test_what_is_no_toml(tmp_path: Path) -> None:
    assert "line 2" in complaints(tmp_path, GOOD.replace("[project]", "[project"))[0]
    complaints(tmp_path, "x = " + "[" * 100000)
    (tmp_path / "vmtest.toml").write_bytes(b"\xff")
    with pytest.raises(ManifestError, match=r"vmtest\.toml: .*utf-8"):
        load_manifest(tmp_path, tmp_path / "vmtest.toml")


def test_all_faults_at_once_and_each_once(tmp_path: Path) -> None:
    text = "project = 1\n[guest]\nmemory = 1\nfile = []\n[program]\nfilter = ['x']\n"
    text += "[event]\npattern = 'x'\ntrigger = ['y']\n"
    said = complaints(tmp_path, text)
    keys = ["project", "guest.files", "guest.memory", "guest.file", "program.command", "program.filter"]
    assert sorted(line.split()[0] for line in said) == sorted([*keys, "program.ready", "event.pattern"])


def test_a_long_value_is_cut(tmp_path: Path) -> None:
    (said,) = complaints(tmp_path, GOOD.replace("[guest]", f"[guest]\nmemory = '{'x' * 9000}'"))
    assert len(said) < 200


def test_no_manifest(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match=r"is .* a project with a VM test"):
        load_manifest(tmp_path)


@pytest.mark.parametrize(
    ("file", "source", "target"),
    [
        ("build/hello", "build/hello", "app/hello"),
        ("conf", "conf", "app/conf"),
        ("build/hello:bin/x", "build/hello", "app/bin/x"),
        ("conf:/etc/hello", "conf", "etc/hello"),
        (".hidden/..x", ".hidden/..x", "app/..x"),
    ],
)
def test_where_a_file_comes_to_stand(tmp_path: Path, file: str, source: str, target: str) -> None:
    assert read(tmp_path, GOOD.replace("build/hello", file)).files == (file,)
    assert source_and_target(file) == (source, target)
