# SPDX-License-Identifier: BSD-2-Clause
"""How the tests read a tutorial, and which output they accept for the output that it shows."""

from pathlib import Path

import pytest

from tests.integration.expected_output import fill_in_ids, learn_ids, output_pattern
from tests.integration.lesson import Block, commands, inline_commands, read_lesson

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


def test_output_of_one_framework_replaces_the_output_of_all(tmp_path: Path) -> None:
    blocks = lesson(tmp_path, "~~~text\nall\n~~~\n~~~text with=two\nmine\n~~~\n")
    assert [(block.content.strip(), block.framework) for block in blocks] == [
        ("all", "one"),
        ("all", "three"),
        ("mine", "two"),
    ]


@pytest.mark.parametrize(
    ("block", "reason"),
    [
        ("~~~\n~~~\n\n~~~console\n$ make\n~~~", "lesson.md:4: unknown language 'console'"),
        ("~~~sh terminl=2\nmake\n~~~", "unknown option of a 'sh' block: terminl"),
        ("~~~text stays\nmake\n~~~", "unknown option of a 'text' block: stays"),
        ("~~~c\nint i;\n~~~", "unknown language 'c': expected .*file=PATH"),
        ("~~~c file=i.c terminal=2\nint i;\n~~~", "unknown option of a 'c' block: terminal"),
    ],
)
def test_an_invalid_block_is_reported_with_its_line(block: str, reason: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=reason):
        lesson(tmp_path, block)


def test_an_indented_block_is_output(tmp_path: Path) -> None:
    assert [block.kind for block in lesson(tmp_path, "As here:\n\n    hello\n")] == ["text"]


def test_a_backslash_continues_a_command(tmp_path: Path) -> None:
    (block,) = lesson(tmp_path, "~~~sh\nmake \\\n  test\n\nmake run\n~~~\n")
    assert commands(block) == ["make   test", "make run"]


def test_inline_commands_have_an_argument(tmp_path: Path) -> None:
    path = tmp_path / "lesson.md"
    path.write_text("Type `make lint`, not `lint` or `make`; - `sudo reboot` ends it.\n\n- `git log`\n")
    assert inline_commands(path) == {"make lint", "sudo reboot", "git log"}


MATCHING = [
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
NOT_MATCHING = [
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


@pytest.mark.parametrize(("text", "output"), MATCHING)
def test_parts_that_differ_from_run_to_run_match(text: str, output: str) -> None:
    assert output_pattern(text, {}).fullmatch(f"{output}\n")


@pytest.mark.parametrize(("text", "output"), NOT_MATCHING)
def test_other_differences_do_not_match(text: str, output: str) -> None:
    assert not output_pattern(text, {}).fullmatch(f"{output}\n")


def test_an_id_keeps_its_value() -> None:
    ids: dict[str, str] = {}
    match = output_pattern("map_ids 197,198", ids).fullmatch("map_ids 27,28\n")
    assert match
    learn_ids(match, ids)
    assert fill_in_ids("bpftool map dump id 198", ids) == "bpftool map dump id 28"
    assert output_pattern("id 198", ids).fullmatch("id 28\n")
    assert not output_pattern("id 198", ids).fullmatch("id 27\n")
