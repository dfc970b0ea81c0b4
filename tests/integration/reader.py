# SPDX-License-Identifier: BSD-2-Clause
"""Follow a tutorial in terminals: type its commands, apply its diffs, and compare the output with its blocks."""

import re
import subprocess
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from tests.cargo_target import copy_compiled_crates
from tests.integration.as_root import SUDO
from tests.integration.expected_output import fill_in_ids, learn_ids, output_pattern
from tests.integration.lesson import Block, BlockKind, commands
from tests.integration.terminal import Terminal

COMMAND_SECONDS = 600
OUTPUT_SECONDS = 30  # time limit for the output of a program that runs until Ctrl-C
CTRL_C = "^C"
APT_LOCKED = "E: Could not get lock"  # printed by apt-get
RETRY_SECONDS = 3


class Reader:
    """A reader of a tutorial who works in terminals, the first of which starts in `directory`."""

    def __init__(self, directory: Path, environment: dict[str, str]) -> None:
        self.directory = directory
        self.environment = environment
        self.terminals: dict[str, Terminal] = {}
        self.busy: set[str] = set()  # the terminals in which a program runs until Ctrl-C
        self.terminal_name = "1"  # of the last block
        self.last_output: str | None = None  # of the last block of commands, until a block was compared with it
        self.ids: dict[str, str] = {}  # the ids in the text, and their real values

    def follow(self, blocks: Iterable[Block]) -> None:
        """Do what `blocks` describe. Fail the test at the first block that does not match what happens."""
        actions: dict[BlockKind, Callable[[Block], str | None]] = {
            BlockKind.COMMANDS: self._type_commands,
            BlockKind.OUTPUT: self._check_output,
            BlockKind.DIFF: self._apply_diff,
            BlockKind.QUOTE: self._check_quote,
        }
        for block in blocks:
            problem = actions[block.kind](block)
            if problem:
                pytest.fail(f"line {block.line}: {problem}", pytrace=False)

    def close(self) -> None:
        """Close all terminals."""
        for terminal in self.terminals.values():
            terminal.close()

    def _terminal(self, block: Block) -> Terminal:
        default = "1" if block.kind == BlockKind.COMMANDS else self.terminal_name
        self.terminal_name = block.options.get("terminal", default)
        if self.terminal_name not in self.terminals:
            first = self.terminals.get("1")
            directory = first.directory if first else self.directory
            self.terminals[self.terminal_name] = Terminal(directory, self.environment)
        return self.terminals[self.terminal_name]

    def _type_commands(self, block: Block) -> str | None:
        terminal = self._terminal(block)
        if self.terminal_name in self.busy:
            return f"a program still runs in terminal {self.terminal_name}"
        copy_compiled_crates(terminal.directory)
        self.last_output = ""
        lines = commands(block)
        for line in lines:
            is_last = line == lines[-1]
            keys = without_sudo_if_root(fill_in_ids(line, self.ids)) + "\n"
            if is_last and "stays" in block.options:
                terminal.type(keys)
                self.busy.add(self.terminal_name)
                self.last_output = None
                return None
            result = _run(terminal, keys)
            if not result:
                return f"{line!r} does not end:\n{terminal.unread()}"
            output, status = result
            expected_status = int(block.options.get("status", 0)) if is_last else 0
            if status != expected_status:
                return f"{line!r} exited with status {status} (expected {expected_status}):\n{output}"
            self.last_output += output
        return None

    def _check_output(self, block: Block) -> str | None:
        terminal = self._terminal(block)
        text = without_sudo_if_root(block.content)
        if self.terminal_name not in self.busy:
            output, self.last_output = self.last_output, None
            return "no command was typed before this output" if output is None else self._compare(text, output)
        before, ctrl_c, after = text.partition(CTRL_C)
        if not ctrl_c:
            match = terminal.wait_for(output_pattern(text, self.ids), OUTPUT_SECONDS)
            if not match:
                return f"expected this output, got:\n{terminal.unread()}"
            learn_ids(match, self.ids)
            return None
        self.busy.remove(self.terminal_name)
        terminal.type("\x03")
        result = terminal.wait_for_prompt(OUTPUT_SECONDS)
        if not result:
            return f"Ctrl-C does not end it:\n{terminal.unread()}"
        return self._compare(before + after, result[0])

    def _compare(self, text: str, output: str) -> str | None:
        match = output_pattern(text, self.ids).fullmatch(f"{output.strip()}\n".lstrip())
        if not match:
            return f"expected this output, got:\n{output}"
        learn_ids(match, self.ids)
        return None

    def _apply_diff(self, block: Block) -> str | None:
        command = ["git", "apply", "--recount", "-"]
        done = subprocess.run(
            command, cwd=self.terminals["1"].directory, input=block.content, text=True, capture_output=True, check=False
        )
        return done.stderr or None

    def _check_quote(self, block: Block) -> str | None:
        file = self.terminals["1"].directory / block.options["file"]
        return None if block.content in file.read_text() else f"this text is not in {file}"


def _run(terminal: Terminal, keys: str) -> tuple[str, int] | None:
    """Type a command, repeat it while apt-get is locked, and return its output and its exit status."""
    deadline = time.monotonic() + COMMAND_SECONDS
    while True:
        terminal.type(keys)
        result = terminal.wait_for_prompt(COMMAND_SECONDS)
        if not result or APT_LOCKED not in result[0] or time.monotonic() > deadline:
            return result
        time.sleep(RETRY_SECONDS)


def without_sudo_if_root(text: str) -> str:
    """Remove sudo from `text` if this process is root, as the tutorial tells root to do."""
    return text if SUDO else re.sub(r"(/usr/bin/)?\bsudo ", "", text)
