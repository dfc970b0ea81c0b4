# SPDX-License-Identifier: BSD-2-Clause
"""Projects that ebpf-new did not make are tested as docs/vmtest.md describes."""

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
    """Return the section of the documentation with this heading."""
    return re.split(r"\n##+ ", DOCUMENT.partition(f"\n### {title}\n")[2])[0]


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
    """Return a function that copies a project of tests/fixtures and can replace a string in one of its files."""

    def copy_project(name: str, manifest: str, file: str = "", old: str = "", new: str = "") -> Path:
        directory = tmp_path / name
        shutil.copytree(FIXTURES / name, directory)
        shutil.copy(FIXTURES / "build.sh", directory)
        (directory / "test").mkdir()
        (directory / "test/vmtest.toml").write_text(manifest)
        if file:
            text = (directory / file).read_text()
            assert text.count(old) == 1
            (directory / file).write_text(text.replace(old, new))
        return directory

    return copy_project


def verdict_of(directory: Path) -> dict[str, Any]:
    """Build the project with the command in its manifest, run it and return the verdict."""
    subprocess.run(load_manifest(directory).build, cwd=directory, check=True, capture_output=True)
    run = run_vmtest(directory, "--kernel", "6.1")
    assert len(run.verdicts) == 1, run
    return run.verdicts[0]


def create_template(directory: Path, name: str, manifest: str) -> None:
    """Create a template from the project `opens`, with `name` in place of `opens`."""
    shutil.copytree(FIXTURES / "opens", directory)
    shutil.copy(FIXTURES / "build.sh", directory)
    for suffix in (".bpf.c", ".c"):
        (directory / f"opens{suffix}").rename(directory / f"{name}{suffix}")
    (directory / "test").mkdir()
    (directory / "test" / manifest).write_text(MANIFEST.replace("opens", name))


def prepare(title: str, directory: Path) -> None:
    """Create the files in `directory` that the commands of the documentation require."""
    if title == "A plain repository":
        shutil.copytree(FIXTURES / "opens", directory / "opens")
        shutil.copy(FIXTURES / "build.sh", directory / "opens")
        (directory / "opens.toml").write_text(MANIFEST)
    elif title == "A cookiecutter template":
        create_template(
            directory / "opens-cookiecutter/{{ cookiecutter.name }}", "{{ cookiecutter.name }}", "vmtest.toml"
        )
        (directory / "opens-cookiecutter/cookiecutter.json").write_text('{"name": "opens"}')
    else:
        create_template(directory / "opens-copier", "{{ name }}", "vmtest.toml.jinja")
        (directory / "opens-copier/copier.yml").write_text(
            "name: {type: str, default: opens}\n_exclude: [copier.yml]\n"
        )


TITLES = [("A plain repository", "opens"), ("A cookiecutter template", "door"), ("A copier template", "gate")]


@pytest.mark.parametrize(("title", "name"), TITLES)
def test_commands_of_the_documentation(title: str, name: str, tmp_path: Path) -> None:
    prepare(title, tmp_path)
    assert all(file in section(title) for file in os.listdir(tmp_path))
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    *preparation, test = block(section(title), "sh").splitlines()
    environment = {**os.environ, "PATH": path}
    for line in preparation:
        subprocess.run(shlex.split(line), cwd=tmp_path, env={**environment, "HOME": str(tmp_path)}, check=True)
    command = [*shlex.split(test), "--json"]
    completed = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert completed.returncode == 0, completed.stdout + completed.stderr
    (verdict,) = read_lines(completed.stdout)
    assert (verdict["verdict"], verdict["reason"], verdict["project"]) == ("pass", "", name)
    assert re.fullmatch(r"\d+ +/proc/version", verdict["events"][0])


def test_an_exit_status_that_the_manifest_does_not_allow(project: Project) -> None:
    verdict = verdict_of(project("opens", MANIFEST.replace("exit_status = 130", "")))
    assert verdict["verdict"] == "fail"
    assert "the program exited with status 130 after SIGINT (expected 0)" in verdict["reason"]


def test_an_event_with_the_port_of_the_run(project: Project) -> None:
    verdict = verdict_of(project("ports", PORTS))
    assert (verdict["verdict"], verdict["reason"]) == ("pass", "")
    assert re.fullmatch(r"TCP to port [12]\d{4}", verdict["events"][0])


def test_an_event_with_another_port_does_not_count(project: Project) -> None:
    verdict = verdict_of(project("ports", PORTS, "ports.bpf.c", "bpf_ntohs(tcp->dest)", "53"))
    assert verdict["verdict"] == "fail"
    assert re.fullmatch(r"no event of port \d{5} was seen, only others, such as: TCP to port 53", verdict["reason"])


# This pattern matches every file name; only one of them is that of the trigger.
TOKEN = MANIFEST.replace("^(?P<pid>[0-9]+) +/proc/version$", "/(?P<token>[a-z]+)$")


def test_an_event_with_the_token_of_the_run(project: Project) -> None:
    verdict = verdict_of(project("opens", TOKEN.replace("/proc/version", "/tmp/{token}")))
    assert (verdict["verdict"], verdict["reason"]) == ("pass", "")
    assert all(re.fullmatch("/[a-p]{12}", event) for event in verdict["events"])


@pytest.mark.parametrize("command", ['["echo", "/tmp/{token}"]', '["sh", "-c", "cat /tmp/other # {token}"]'])
def test_an_event_without_the_token_does_not_count(project: Project, command: str) -> None:
    verdict = verdict_of(project("opens", TOKEN.replace('["cat", "/proc/version"]', command)))
    assert verdict["verdict"] == "fail"
    assert re.fullmatch("no event of token [a-p]{12} was seen, only others, such as: /[a-z]+", verdict["reason"])


def test_the_guest_gets_directories_with_their_contents(project: Project) -> None:
    files = 'files = ["build/opens", "data", "data/deep:/etc/opens"]'
    manifest = MANIFEST.replace('files = ["build/opens"]', files)
    trigger = '["sh", "-c", "exec cat $(cat data/deep/link)/name $(cat /etc/opens/name)"]'
    manifest = manifest.replace('["cat", "/proc/version"]', trigger).replace("/proc/version$", "found$")
    directory = project("opens", manifest)
    (directory / "data/deep").mkdir(parents=True)
    (directory / "data/deep/name").write_text("found")
    (directory / "data/there").write_text("/etc/opens")
    (directory / "data/deep/link").symlink_to("../there")
    verdict = verdict_of(directory)
    assert (verdict["verdict"], verdict["reason"]) == ("pass", ""), verdict


GARBAGE = r"""for (int i = 0; i < 256; i++) putchar(i == '\n' ? ' ' : i); """
ENDLESS = 'if (__builtin_strstr(event->file, "/proc/version")) for (;;) puts("more and more"); return 0;'
NOISE = [
    ("garbage before it is ready", 'puts("PID     FILE");', GARBAGE + 'puts("\\n\\x1b[2J PID     FILE");'),
    ("garbage after each event", "return 0;", GARBAGE + "putchar('\\n'); return 0;"),
    (
        "a very long line",
        "return 0;",
        "for (int i = 0; i < 100000; i++) putchar(i % 26 + 'a'); putchar('\\n'); return 0;",
    ),
    ("endless output", "return 0;", ENDLESS),
]


@pytest.mark.parametrize(("old", "new"), [(old, new) for _, old, new in NOISE], ids=[name for name, _, _ in NOISE])
def test_other_output_of_the_program_is_ignored(project: Project, old: str, new: str) -> None:
    verdict = verdict_of(project("opens", MANIFEST, "opens.c", old, new))
    assert (verdict["verdict"], verdict["reason"]) == ("pass", ""), verdict
    assert re.fullmatch(r"\d+ +/proc/version", verdict["events"][0])


def test_garbage_is_printed_safely_after_a_failure(project: Project) -> None:
    manifest = MANIFEST.replace('ready = "PID "', 'ready = "never"')
    directory = project("opens", f"{manifest}\n[limits]\nseconds = 5\n", "opens.c", 'puts("PID     FILE");', GARBAGE)
    subprocess.run(["./build.sh"], cwd=directory, check=True, capture_output=True)
    command = [sys.executable, "-m", "vmtest", str(directory), "--kernel", "6.1"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "scaffold")}
    completed = subprocess.run(command, env=environment, capture_output=True, check=False)
    assert completed.returncode == 1
    text = completed.stdout.decode()
    assert "the program to print 'never'" in text
    assert all(character.isprintable() or character in "\n\t" for character in text)
