# SPDX-License-Identifier: BSD-2-Clause
"""Follow docs/tutorial.md with every framework: type every command, apply every diff, and compare every output."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from scaffold.project.catalog import frameworks
from tests.conftest import GIT_CONFIG
from tests.integration.as_root import run_as_root
from tests.integration.lesson import BlockKind, commands, inline_commands, read_lesson
from tests.integration.reader import Reader
from tests.paths import ROOT

TUTORIAL = ROOT / "docs/tutorial.md"
TITLES = [framework.title for framework in frameworks()]
LESSON = read_lesson(TUTORIAL, TITLES)
FIRST_CHOICE = next(index for index, block in enumerate(LESSON) if block.framework)  # of a framework


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Return the environment of the terminals, in which git knows the reader's name."""
    config = tmp_path_factory.mktemp("settings") / "git"
    config.write_text(GIT_CONFIG)
    return {**os.environ, "GIT_CONFIG_GLOBAL": str(config), "GIT_CONFIG_NOSYSTEM": "1"}


@pytest.fixture(scope="module")
def checkout(environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of this repository after the part of the tutorial that comes before the choice of a framework."""
    copy = tmp_path_factory.mktemp("tutorial") / "ebpf-new"
    names = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    for name in filter(None, names.split("\0")):
        if os.path.lexists(ROOT / name):
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, copy / name, follow_symlinks=False)
    reader = Reader(copy, environment)
    try:
        reader.follow(LESSON[:FIRST_CHOICE])
    finally:
        reader.close()
    return copy


@pytest.fixture
def bpf_statistics() -> Iterator[None]:
    """Restore afterwards the setting whether the kernel counts the runs of BPF programs."""
    setting = "/proc/sys/kernel/bpf_stats_enabled"
    before = Path(setting).read_text().strip()
    yield
    assert run_as_root('echo "$1" >"$2"', before, setting).returncode == 0


@pytest.fixture
def reader(checkout: Path, environment: dict[str, str]) -> Iterator[Reader]:
    """Return a reader in a checkout without a project next to it."""
    projects = set(checkout.parent.iterdir()) - {checkout}
    for project in projects:
        shutil.rmtree(project)
    reader = Reader(checkout, environment)
    yield reader
    reader.close()


@pytest.mark.xdist_group("tutorial")
@pytest.mark.usefixtures("trace_buffer", "bpf_statistics")
@pytest.mark.parametrize("title", TITLES)
def test_the_tutorial_works_with_every_framework(title: str, reader: Reader) -> None:
    reader.follow(block for block in LESSON[FIRST_CHOICE:] if block.framework in ("", title))
    assert reader.busy == set()


def test_each_step_has_a_section_for_each_framework() -> None:
    steps = list(dict.fromkeys(block.step for block in LESSON))
    assert [step[:2] for step in steps[:8]] == [f"{number}." for number in range(1, 9)]
    for step in steps:
        named = {block.framework for block in LESSON if block.step == step} - {""}
        assert named in (set(), set(TITLES)), f"{step}: no section for {set(TITLES) - named}"


SHELL = """
```sh
echo hello && echo 12345
```

```text
hello
4711
```

```sh terminal=2 stays
echo 4711 && sleep 100
```

```text
4711
```

```text
^C
```
"""


def follow(text: str, directory: Path) -> None:
    """Follow a tutorial with this text to its end."""
    path = directory / "lesson.md"
    path.write_text(text)
    reader = Reader(directory, dict(os.environ))
    try:
        reader.follow(read_lesson(path, TITLES))
        assert reader.busy == set()
    finally:
        reader.close()


def test_a_correct_text_passes(tmp_path: Path) -> None:
    follow(SHELL, tmp_path)


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("echo hello &&", "echo hullo &&"),
        ("echo hello &&", "echo well && echo hello &&"),
        ("```\n\n```text\nhello", "```\n\n```text\nhello\nhello"),
        ("echo 12345", "echo 12345; false"),
        ("sh\necho", "sh status=1\necho"),
        ("echo 4711 &&", "echo 4712 &&"),
        ("sleep 100", "exit 1"),
        ("```text\n^C\n```\n", ""),
    ],
)
def test_an_incorrect_text_fails(right: str, wrong: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.integration.reader.OUTPUT_SECONDS", 1)
    assert SHELL.count(right) == 1
    with pytest.raises((pytest.fail.Exception, AssertionError)):
        follow(SHELL.replace(right, wrong), tmp_path)


def test_commands_in_sentences_are_also_in_a_block() -> None:
    typed = "\n".join(command for block in LESSON if block.kind == BlockKind.COMMANDS for command in commands(block))
    assert [command for command in sorted(inline_commands(TUTORIAL)) if command not in typed] == []
