# SPDX-License-Identifier: BSD-2-Clause
"""Projects that this program did not make: docs/vmtest.md says how to test them, and that is done here."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from scaffold.vmtest.manifest import load_manifest
from tests.integration.vm_runs import read_lines, run_vmtest

ROOT = Path(__file__).parents[2]
FIXTURES = ROOT / "tests" / "fixtures"
DOCUMENT = (ROOT / "docs" / "vmtest.md").read_text()
Project = Callable[..., Path]


def section(title: str) -> str:
    """What the documentation says under a heading."""
    return DOCUMENT.partition(f"\n### {title}\n")[2].partition("\n### ")[0]


def block(text: str, language: str) -> str:
    (code,) = re.findall(rf"^```{language}\n(.*?)^```$", text, re.M | re.S)
    return str(code)


MANIFEST = block(section("A plain repository"), "toml")
PORTS = """
build.command = ["./build.sh"]
guest.files = ["build/ports"]
program = { command = ["./ports"], ready = "Attached", exit_status = 130 }
[event]
trigger = ["nc", "127.0.0.1", "{port}"]
pattern = 'TCP to port (?P<port>[0-9]+)'
"""


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Return a function that lays out a project of tests/fixtures, with one text of a file replaced by another."""

    def lay_out(name: str, manifest: str, file: str = "", old: str = "", new: str = "") -> Path:
        place = tmp_path / name
        shutil.copytree(FIXTURES / name, place)
        shutil.copy(FIXTURES / "build.sh", place)
        (place / "test").mkdir()
        (place / "test/vmtest.toml").write_text(manifest)
        if file:
            text = (place / file).read_text()
            assert text.count(old) == 1
            (place / file).write_text(text.replace(old, new))
        return place

    return lay_out


def verdict_of(directory: Path) -> dict[str, Any]:
    """Build the project as its manifest says, and return the verdict on it."""
    subprocess.run(load_manifest(directory).build, cwd=directory, check=True, capture_output=True)
    run = run_vmtest(directory, "--kernel", "6.1")
    assert len(run.verdicts) == 1, run
    return run.verdicts[0]


def template(place: Path, name: str, manifest: str) -> None:
    """Make a template of the plain project: what is called opens there is called `name`."""
    shutil.copytree(FIXTURES / "opens", place)
    shutil.copy(FIXTURES / "build.sh", place)
    for suffix in (".bpf.c", ".c"):
        (place / f"opens{suffix}").rename(place / f"{name}{suffix}")
    (place / "test").mkdir()
    (place / "test" / manifest).write_text(MANIFEST.replace("opens", name))


def prepare(title: str, place: Path) -> None:
    """Put into `place` what stands there before the commands of the documentation are typed."""
    if title == "A plain repository":
        shutil.copytree(FIXTURES / "opens", place / "opens")
        shutil.copy(FIXTURES / "build.sh", place / "opens")
        (place / "opens.toml").write_text(MANIFEST)
    elif title == "Made by cookiecutter":
        template(place / "opens-cookiecutter/{{ cookiecutter.name }}", "{{ cookiecutter.name }}", "vmtest.toml")
        (place / "opens-cookiecutter/cookiecutter.json").write_text('{"name": "opens"}')
    else:
        template(place / "opens-copier", "{{ name }}", "vmtest.toml.jinja")
        (place / "opens-copier/copier.yml").write_text("name: {type: str, default: opens}\n_exclude: [copier.yml]\n")


TITLES = [("A plain repository", "opens"), ("Made by cookiecutter", "door"), ("Made by copier", "gate")]


@pytest.mark.parametrize(("title", "name"), TITLES)
def test_the_commands_of_the_documentation(title: str, name: str, tmp_path: Path) -> None:
    prepare(title, tmp_path)
    assert all(file in section(title) for file in os.listdir(tmp_path))
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    *before, test = block(section(title), "sh").splitlines()
    environment = {**os.environ, "PATH": path}
    for line in before:
        subprocess.run(shlex.split(line), cwd=tmp_path, env={**environment, "HOME": str(tmp_path)}, check=True)
    command = [*shlex.split(test), "--json"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (verdict,) = read_lines(done.stdout)
    assert (verdict["verdict"], verdict["reason"], verdict["project"]) == ("pass", "", name)
    assert re.fullmatch(r"\d+ +/proc/version", verdict["events"][0])


def test_a_status_that_the_manifest_does_not_name(project: Project) -> None:
    verdict = verdict_of(project("opens", MANIFEST.replace("exit_status = 130", "")))
    assert verdict["verdict"] == "fail"
    assert "the program ended with 130 on SIGINT instead of 0" in verdict["reason"]


def test_an_event_that_names_the_runs_own_port(project: Project) -> None:
    verdict = verdict_of(project("ports", PORTS))
    assert (verdict["verdict"], verdict["reason"]) == ("pass", "")
    assert re.fullmatch(r"TCP to port [12]\d{4}", verdict["events"][0])


def test_a_packet_of_someone_else_is_no_proof(project: Project) -> None:
    verdict = verdict_of(project("ports", PORTS, "ports.bpf.c", "bpf_ntohs(tcp->dest)", "53"))
    assert verdict["verdict"] == "fail"
    assert re.fullmatch(r"no event of port \d{5} was seen, only others, such as: TCP to port 53", verdict["reason"])


# Every file's name is an event for this one, and only one of them is the trigger's.
TOKEN = MANIFEST.replace("^(?P<pid>[0-9]+) +/proc/version$", "/(?P<token>[a-z]+)$")


def test_an_event_that_names_the_runs_own_word(project: Project) -> None:
    verdict = verdict_of(project("opens", TOKEN.replace("/proc/version", "/tmp/{token}")))
    assert (verdict["verdict"], verdict["reason"]) == ("pass", "")
    assert all(re.fullmatch("/[a-p]{12}", event) for event in verdict["events"])


@pytest.mark.parametrize("command", ['["echo", "/tmp/{token}"]', '["sh", "-c", "cat /tmp/other # {token}"]'])
def test_an_event_that_comes_without_the_trigger_is_no_proof(project: Project, command: str) -> None:
    verdict = verdict_of(project("opens", TOKEN.replace('["cat", "/proc/version"]', command)))
    assert verdict["verdict"] == "fail"
    assert re.fullmatch("no event of token [a-p]{12} was seen, only others, such as: /[a-z]+", verdict["reason"])


def test_a_directory_goes_along_with_what_is_in_it(project: Project) -> None:
    files = 'files = ["build/opens", "data", "data/deep:/etc/opens"]'
    manifest = MANIFEST.replace('files = ["build/opens"]', files)
    trigger = '["sh", "-c", "exec cat $(cat data/deep/link)/name $(cat /etc/opens/name)"]'
    manifest = manifest.replace('["cat", "/proc/version"]', trigger).replace("/proc/version$", "found$")
    place = project("opens", manifest)
    (place / "data/deep").mkdir(parents=True)
    (place / "data/deep/name").write_text("found")
    (place / "data/there").write_text("/etc/opens")
    (place / "data/deep/link").symlink_to("../there")
    verdict = verdict_of(place)
    assert (verdict["verdict"], verdict["reason"]) == ("pass", ""), verdict


GARBAGE = r"""for (int i = 0; i < 256; i++) putchar(i == '\n' ? ' ' : i); """
ENDLESS = 'if (__builtin_strstr(event->file, "/proc/version")) for (;;) puts("more and more"); return 0;'
NOISE = [
    ("garbage before it is ready", 'puts("PID     FILE");', GARBAGE + 'puts("\\n\\x1b[2J PID     FILE");'),
    ("garbage after each event", "return 0;", GARBAGE + "putchar('\\n'); return 0;"),
    (
        "a line without end",
        "return 0;",
        "for (int i = 0; i < 100000; i++) putchar(i % 26 + 'a'); putchar('\\n'); return 0;",
    ),
    ("no end of lines", "return 0;", ENDLESS),
]


@pytest.mark.parametrize(("old", "new"), [(old, new) for _, old, new in NOISE], ids=[name for name, _, _ in NOISE])
def test_what_a_program_prints_besides_harms_nobody(project: Project, old: str, new: str) -> None:
    verdict = verdict_of(project("opens", MANIFEST, "opens.c", old, new))
    assert (verdict["verdict"], verdict["reason"]) == ("pass", ""), verdict
    assert re.fullmatch(r"\d+ +/proc/version", verdict["events"][0])


def test_garbage_is_shown_harmlessly_when_something_fails(project: Project) -> None:
    manifest = MANIFEST.replace('ready = "PID "', 'ready = "never"')
    place = project("opens", f"{manifest}\n[limits]\nseconds = 5\n", "opens.c", 'puts("PID     FILE");', GARBAGE)
    subprocess.run(["./build.sh"], cwd=place, check=True, capture_output=True)
    command = [sys.executable, "-m", "vmtest", str(place), "--kernel", "6.1"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "scaffold")}
    done = subprocess.run(command, env=environment, capture_output=True, check=False)
    assert done.returncode == 1
    said = done.stdout.decode()
    assert "the program to say 'never'" in said
    assert all(character.isprintable() or character in "\n\t" for character in said)
