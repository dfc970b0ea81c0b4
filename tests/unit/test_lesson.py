# SPDX-License-Identifier: BSD-2-Clause
"""How the tests read a course text, and when what they see counts as what it shows."""

from pathlib import Path

import pytest

from tests.integration.lesson import Block, commands, inline_commands, read_lesson
from tests.integration.shown import expected, learn, with_known

TITLES = ["one", "two", "three"]
FENCE = "```"


def lesson(directory: Path, text: str) -> list[Block]:
    path = directory / "lesson.md"
    path.write_text(text.replace("~~~", FENCE))
    return read_lesson(path, TITLES)


def test_blocks_belong_to_the_frameworks_of_their_heading(tmp_path: Path) -> None:
    blocks = lesson(
        tmp_path,
        """## Step
~~~sh
all
~~~
### one
~~~sh
first
~~~
### two and three
~~~sh
others
~~~
### What they share
~~~
all
~~~
""",
    )
    assert [(block.kind, block.content.strip(), block.framework) for block in blocks] == [
        ("sh", "all", ""),
        ("sh", "first", "one"),
        ("sh", "others", "two"),
        ("sh", "others", "three"),
        ("text", "all", ""),
    ]
    assert {block.step for block in blocks} == {"Step"}
    assert [block.line for block in blocks] == [2, 6, 10, 10, 14]


def test_what_one_framework_shows_takes_the_place_of_what_all_show(tmp_path: Path) -> None:
    blocks = lesson(tmp_path, "~~~text\nall\n~~~\n~~~text with=two\nmine\n~~~\n")
    assert [(block.content.strip(), block.framework) for block in blocks] == [
        ("all", "one"),
        ("all", "three"),
        ("mine", "two"),
    ]


@pytest.mark.parametrize(
    ("block", "reason"),
    [
        ("~~~\n~~~\n\n~~~console\n$ make\n~~~", "lesson.md:4: a block of 'console'"),
        ("~~~sh terminl=2\nmake\n~~~", "cannot have terminl"),
        ("~~~text stays\nmake\n~~~", "cannot have stays"),
        ("~~~c\nint i;\n~~~", "neither to be typed nor to be found"),
        ("~~~c file=i.c terminal=2\nint i;\n~~~", "cannot have terminal"),
    ],
)
def test_a_block_that_nobody_can_follow_is_named(block: str, reason: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=reason):
        lesson(tmp_path, block)


def test_an_indented_block_is_shown_text(tmp_path: Path) -> None:
    assert [block.kind for block in lesson(tmp_path, "As here:\n\n    hello\n")] == ["text"]


def test_a_command_is_a_line_or_more(tmp_path: Path) -> None:
    (block,) = lesson(tmp_path, "~~~sh\nmake \\\n  test\n\nmake run\n~~~\n")
    assert commands(block) == ["make   test", "make run"]


def test_commands_in_sentences_are_found(tmp_path: Path) -> None:
    path = tmp_path / "lesson.md"
    path.write_text("Type `make lint`, not `lint` or `make`; - `sudo reboot` ends it.\n\n- `git log`\n")
    assert inline_commands(path) == {"make lint", "sudo reboot", "git log"}


VERDICT = "PASS    hello on 6.1.0-56-cloud-amd64, tcg, booted: 8.5 s"
SAME = [
    ("hello", "hello"),
    ("a b", "  a    b   "),
    ("a\n...\nb", "a\nb"),
    ("a\n...\nb", "a\nx\ny\nb"),
    ("cc ... -o x", "cc -O2 x.c -o x"),
    ("PID 96 and PID 97", "PID 812 and PID 7"),
    ("4711\nkill 4711", "31\nkill 31"),
    (
        "PASS    hello on 6.1.0-56-cloud-amd64, tcg, booted: 8.5 s",
        "PASS hello on 6.1.174-1-amd64, kvm, saved guest: 0.4 s",
    ),
    ("sh-4711  [001] ...21  3888.987527: x from PID 4711.", "  cat-7   [000] d..1.  12.000001: x from PID 7."),
    ("0: (85) call f#269056", "0: (85) call f#-61360"),
    ("7: (5d) if r1 != r0 goto pc+9", "9: (56) if w2 != 0x0 goto pc-1"),
    ("R1 invalid mem access", "R3 invalid mem access"),
]
DIFFERENT = [
    ("hello", "hullo"),
    ("hello", "hello\nhello"),
    ("a\n...\nb", "a\nb\nc"),
    ("2 passed", "3 passed"),
    (
        "PASS    hello on 6.1.0-56-cloud-amd64, tcg, booted: 8.5 s",
        "FAIL hello on 6.1.0-56-cloud-amd64, tcg, booted: 8.5 s",
    ),
    ("4711\nkill 4711", "31\nkill 32"),
    ("PID 96 is PID 96", "PID 96 is PID 97"),
    ("sh-4711  [001] ...21  3888.987527: x from PID 4711.", "  cat-7   [000] d..1.  12.000001: x from PID 8."),
    ("7: (5d) if r1 != r0 goto pc+9", "7: (95) exit"),
    ("R1 invalid mem access 'scalar'", "R1 invalid mem access 'map_value'"),
]


@pytest.mark.parametrize(("shown", "seen"), SAME)
def test_what_differs_from_run_to_run_may_differ(shown: str, seen: str) -> None:
    assert expected(shown, {}).fullmatch(f"{seen}\n")


@pytest.mark.parametrize(("shown", "seen"), DIFFERENT)
def test_nothing_else_may_differ(shown: str, seen: str) -> None:
    assert not expected(shown, {}).fullmatch(f"{seen}\n")


def test_an_id_that_was_seen_is_the_same_from_then_on() -> None:
    known: dict[str, str] = {}
    match = expected("map_ids 197,198", known).fullmatch("map_ids 27,28\n")
    assert match
    learn(match, known)
    assert with_known("bpftool map dump id 198", known) == "bpftool map dump id 28"
    assert expected("id 198", known).fullmatch("id 28\n")
    assert not expected("id 198", known).fullmatch("id 27\n")
