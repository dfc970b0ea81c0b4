# SPDX-License-Identifier: BSD-2-Clause
"""A manifest is read completely, and all of its errors are reported at once."""

from pathlib import Path

import pytest

from scaffold.vmtest.errors import ManifestError
from scaffold.vmtest.manifest import Manifest, load_manifest, source_and_target

VALID = r"""
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
MINIMAL = r"""
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
    VALID.replace('filter = ["--pid", "{pid}"]', "").replace("<pid>[0-9]", "<token>[a-z]").replace("hello", "{token}")
)


def read(directory: Path, text: str) -> Manifest:
    path = directory / "vmtest.toml"
    path.write_text(text)
    return load_manifest(directory, path)


def errors_in(directory: Path, text: str) -> list[str]:
    """Return the errors in `text`, without the name of the file."""
    with pytest.raises(ManifestError) as caught:
        read(directory, text)
    path, _, rest = str(caught.value).partition(":")
    assert path == str(directory / "vmtest.toml")
    return [line.strip() for line in rest.strip().splitlines()]


def test_values_of_a_valid_manifest(tmp_path: Path) -> None:
    manifest = read(tmp_path, VALID)
    assert (manifest.project, manifest.source, manifest.memory, manifest.seconds) == ("hello", "trace", 256, 30)
    assert (manifest.filter, manifest.proof) == (("--pid", "{pid}"), "pid")


def test_defaults_of_a_minimal_manifest(tmp_path: Path) -> None:
    manifest = read(tmp_path, MINIMAL)
    assert (manifest.project, manifest.framework, manifest.filter) == (tmp_path.name, "", ())
    assert (manifest.build[0], manifest.build[-1], manifest.build_seconds) == ("make", "ARCH={arch}", 900)
    assert (manifest.modules, manifest.exit_status) == ((), (0,))


def test_default_name_in_the_current_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "vmtest.toml").write_text(MINIMAL)
    monkeypatch.chdir(tmp_path)
    assert load_manifest(Path("."), Path("vmtest.toml")).project == tmp_path.name


def test_optional_values(tmp_path: Path) -> None:
    more = '[build]\ncommand = []\nseconds = 60\n[guest]\nmodules = ["xfs", "nf-conntrack"]'
    text = MINIMAL.replace("[guest]", more).replace("[program]", "[program]\nexit_status = [0, 130]")
    manifest = read(tmp_path, text)
    assert (manifest.build, manifest.build_seconds, manifest.modules) == ((), 60, ("xfs", "nf-conntrack"))
    assert manifest.exit_status == (0, 130)
    assert read(tmp_path, MINIMAL.replace("[program]", "[program]\nexit_status = 130")).exit_status == (130,)


@pytest.mark.parametrize("proof", ["token", "port"])
def test_proof_by_a_value_of_the_run(tmp_path: Path, proof: str) -> None:
    assert read(tmp_path, TOKEN.replace("token", proof)).proof == proof


FILE_SYNTAX = ("guest.files", "below the project's directory", "/app", "/etc, /home")


@pytest.mark.parametrize(
    ("old", "new", "facts"),
    [
        ('name = "hello"', 'name = " "', ("project.name", "line of text", '" "')),
        ('name = "hello"', 'name = "a\\nb"', ("project.name", "line of text", '"a\\nb"')),
        ('files = ["build/hello"]', "", ("guest.files", "missing", "list of strings")),
        ('files = ["build/hello"]', 'files = "build/hello"', ("guest.files", "list of strings", '"build/hello"')),
        ("build/hello", "../hello", FILE_SYNTAX),
        ("build/hello", "build/../../hello", FILE_SYNTAX),
        ("build/hello", "./hello", FILE_SYNTAX),
        ("build/hello", "/etc/passwd", FILE_SYNTAX),
        ("build/hello", "build/", FILE_SYNTAX),
        ("build/hello", "build/hello:/bin/busybox", FILE_SYNTAX),
        ("build/hello", "build/hello:/etc", FILE_SYNTAX),
        ("build/hello", "build/hello:/etc/../init", FILE_SYNTAX),
        ("build/hello", "build/hello:a:b", FILE_SYNTAX),
        ('"build/hello"', '"a/x", "b/x"', ("guest.files", "/app/x")),
        ('command = ["./hello"]', "command = []", ("program.command", "list of strings", "[]")),
        ('["./hello"]', '["./hello", ""]', ("program.command", "list of strings", '["./hello", ""]')),
        ('"./hello"', '"./hel\\u0000lo"', ("program.command", "list of strings")),
        ('"{pid}"', '"1"', ("program.filter", "{pid}")),
        ('["--pid", "{pid}"]', "[]", ("program.filter", "list of strings", "[]")),
        ('ready = "Attached"', "ready = 3", ("program.ready", "line of text", "3")),
        ('ready = "Attached"', "ready = 1979-05-27", ("program.ready", "line of text", '"1979-05-27"')),
        ("[program]", "[program]\nexit_status = 256", ("program.exit_status", "integer from 0 to 255", "got 256")),
        ("[program]", "[program]\nexit_status = []", ("program.exit_status", "integer from 0 to 255", "got []")),
        ("[program]", "[program]\nexit_status = true", ("program.exit_status", "integer from 0 to 255", "got true")),
        ("(?P<pid>[0-9]+)", "[0-9]+", ("event.pattern", "(?P<pid>[0-9]+)", "(?P<token>[a-z]+)", "none")),
        ("(?P<pid>[0-9]+)", "(?P<pid>1)(?P<port>2)", ("event.pattern", "exactly one", "pid and port")),
        ("(?P<pid>[0-9]+)", "(?P<token>[a-z]+)", ("program.filter", "(?P<pid>[0-9]+)", "event.pattern")),
        ("(?P<pid>[0-9]+)", "(?P<pid>[0-9]+", ("event.pattern", "regular expression", "Python", "missing )")),
        ('"hello"]', '"{token}"]', ("event.trigger", "{token}", "event.pattern", "(?P<token>...)")),
        ("[event]", '[event]\nsource = "radio"', ("event.source", "one of trace, output", '"radio"')),
        ("[guest]", "[guest]\nmemory = 1", ("guest.memory", "integer from 128 to 16384", "got 1")),
        ("[guest]", "[guest]\nmemory = 300.5", ("guest.memory", "integer", "300.5")),
        ("[guest]", "[guest]\nmemory = inf", ("guest.memory", "integer", "Infinity")),
        ("[guest]", '[guest]\nmodules = ["../x"]', ("guest.modules", "list of strings", '["../x"]')),
        ("[guest]", "[limits]\nseconds = 0\n[guest]", ("limits.seconds", "number from 1 to 86400", "got 0")),
        ("[guest]", "[limits]\nseconds = nan\n[guest]", ("limits.seconds", "number", "NaN")),
        ("[guest]", "[guest]\nmemroy = 512", ("guest.memroy", "unknown", "mean memory?", "files, memory, modules")),
        ("[guest]", "[guest]\nqqq = 512", ("guest.qqq is unknown: [guest]", "files, memory, modules")),
        ("[guest]", '[guest]\n"q\\u001bq" = 512', ("guest.q\\x1bq", "unknown")),
        ("[event]", "[evnet]\n[event]", ("[evnet]", "unknown", "mean event?", "tables project,")),
        ("[project]", "project = 1\n[event.x]", ("project", "table [project]", "got 1")),
    ],
)
def test_an_error_names_the_key_and_what_is_expected(
    tmp_path: Path, old: str, new: str, facts: tuple[str, ...]
) -> None:
    assert old in VALID
    errors = errors_in(tmp_path, VALID.replace(old, new))
    assert any(all(fact in error for fact in facts) for error in errors), errors


def test_a_token_in_the_pattern_must_be_in_the_trigger(tmp_path: Path) -> None:
    (error,) = errors_in(tmp_path, TOKEN.replace("{token}", "hello"))
    assert all(fact in error for fact in ("event.trigger", "{token}", "event.pattern", "group token"))


def test_invalid_toml(tmp_path: Path) -> None:
    assert "line 2" in errors_in(tmp_path, VALID.replace("[project]", "[project"))[0]
    errors_in(tmp_path, "x = " + "[" * 100000)
    (tmp_path / "vmtest.toml").write_bytes(b"\xff")
    with pytest.raises(ManifestError, match=r"vmtest\.toml: .*utf-8"):
        load_manifest(tmp_path, tmp_path / "vmtest.toml")


def test_all_errors_are_reported_once(tmp_path: Path) -> None:
    text = "project = 1\n[guest]\nmemory = 1\nfile = []\n[program]\nfilter = ['x']\n"
    text += "[event]\npattern = 'x'\ntrigger = ['y']\n"
    names = [error.split()[0].strip(":") for error in errors_in(tmp_path, text)]
    expected = ["project", "guest.files", "guest.memory", "guest.file", "program.command", "program.filter"]
    assert sorted(names) == sorted([*expected, "program.ready", "event.pattern"])


def test_a_long_value_is_shortened(tmp_path: Path) -> None:
    (error,) = errors_in(tmp_path, VALID.replace("[guest]", f"[guest]\nmemory = '{'x' * 9000}'"))
    assert len(error) < 200


def test_a_missing_manifest(tmp_path: Path) -> None:
    with pytest.raises(ManifestError) as caught:
        load_manifest(tmp_path)
    assert str(tmp_path / "test/vmtest.toml") in caught.value.message
    assert "test/vmtest.toml" in caught.value.hint


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
def test_source_and_target_of_a_file(tmp_path: Path, file: str, source: str, target: str) -> None:
    assert read(tmp_path, VALID.replace("build/hello", file)).files == (file,)
    assert source_and_target(file) == (source, target)
