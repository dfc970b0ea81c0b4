# SPDX-License-Identifier: BSD-2-Clause
"""docs/tutorial.md, followed word for word with every framework: what it says is typed, edited and seen."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from scaffold.project.catalog import frameworks
from tests.conftest import GIT_CONFIG
from tests.integration.as_root import sh
from tests.integration.lesson import commands, inline_commands, read_lesson
from tests.integration.reader import Reader
from tests.paths import ROOT

TUTORIAL = ROOT / "docs/tutorial.md"
TITLES = [framework.title for framework in frameworks()]
LESSON = read_lesson(TUTORIAL, TITLES)
BEGINNING = next(index for index, block in enumerate(LESSON) if block.framework)  # until a framework is chosen


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """That of the terminals: git knows the reader's name."""
    config = tmp_path_factory.mktemp("settings") / "git"
    config.write_text(GIT_CONFIG)
    return {**os.environ, "GIT_CONFIG_GLOBAL": str(config), "GIT_CONFIG_NOSYSTEM": "1"}


@pytest.fixture(scope="module")
def set_up(environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of this repository in which the text was followed to where a framework is chosen."""
    copy = tmp_path_factory.mktemp("tutorial") / "ebpf-new"
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    for name in filter(None, listed.split("\0")):
        if os.path.lexists(ROOT / name):
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, copy / name, follow_symlinks=False)
    reader = Reader(copy, environment)
    try:
        reader.follow(LESSON[:BEGINNING])
    finally:
        reader.close()
    return copy


@pytest.fixture
def statistics() -> Iterator[None]:
    """Whether the kernel counts the runs of BPF programs is afterwards as it was before."""
    setting = "/proc/sys/kernel/bpf_stats_enabled"
    before = Path(setting).read_text().strip()
    yield
    assert sh('echo "$1" >"$2"', before, setting).returncode == 0


@pytest.fixture
def reader(set_up: Path, environment: dict[str, str]) -> Iterator[Reader]:
    """Return a reader who has been set up and has no project yet."""
    projects = set(set_up.parent.iterdir()) - {set_up}
    for project in projects:
        shutil.rmtree(project)
    reader = Reader(set_up, environment)
    yield reader
    reader.close()


@pytest.mark.xdist_group("tutorial")
@pytest.mark.usefixtures("trace_buffer", "statistics")
@pytest.mark.parametrize("title", TITLES)
def test_it_is_as_the_text_says(title: str, reader: Reader) -> None:
    reader.follow(block for block in LESSON[BEGINNING:] if block.framework in ("", title))
    assert reader.staying == set()


def test_it_takes_the_eight_steps_with_every_framework() -> None:
    steps = list(dict.fromkeys(block.step for block in LESSON))
    assert [step[:2] for step in steps[:8]] == [f"{number}." for number in range(1, 9)]
    for step in steps:
        chosen = {block.framework for block in LESSON if block.step == step} - {""}
        assert chosen in (set(), set(TITLES)), f"{step}: {set(TITLES) - chosen} is missing"


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
    """Follow a lesson of that text, to its end."""
    path = directory / "lesson.md"
    path.write_text(text)
    reader = Reader(directory, dict(os.environ))
    try:
        reader.follow(read_lesson(path, TITLES))
        assert reader.staying == set()
    finally:
        reader.close()


def test_a_reader_follows_what_is_so(tmp_path: Path) -> None:
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
def test_a_reader_fails_at_what_is_not(right: str, wrong: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.integration.reader.SIGHT_SECONDS", 1)
    assert SHELL.count(right) == 1
    with pytest.raises((pytest.fail.Exception, AssertionError)):
        follow(SHELL.replace(right, wrong), tmp_path)


def test_commands_in_its_sentences_are_typed_too() -> None:
    typed = "\n".join(command for block in LESSON if block.kind == "sh" for command in commands(block))
    assert [command for command in sorted(inline_commands(TUTORIAL)) if command not in typed] == []
