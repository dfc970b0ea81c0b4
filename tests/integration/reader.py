# SPDX-License-Identifier: BSD-2-Clause
"""Somebody who follows a course text at terminals: types, edits, and compares what is seen with what is shown."""

import re
import subprocess
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from tests.cargo_target import bring_crates
from tests.integration.as_root import AS_ROOT
from tests.integration.lesson import Block, commands
from tests.integration.shown import expected, learn, with_known
from tests.integration.terminal import Terminal

COMMAND_SECONDS = 600
SIGHT_SECONDS = 30  # until a program that stays says what the text shows
CTRL_C = "^C"
BUSY = "E: Could not get lock"  # apt-get says it
BUSY_SECONDS = 3


class Reader:
    """Somebody who follows the text at some terminals, the first of which is in `directory`."""

    def __init__(self, directory: Path, environment: dict[str, str]) -> None:
        self.directory = directory
        self.environment = environment
        self.terminals: dict[str, Terminal] = {}
        self.staying: set[str] = set()  # terminals in which a program runs until Ctrl-C
        self.at = "1"  # the terminal that is looked at
        self.said: str | None = None  # by the last block of commands, if it has ended
        self.known: dict[str, str] = {}  # ids that the text shows, and their real values

    def follow(self, blocks: Iterable[Block]) -> None:
        """Do what `blocks` say; fails with the line where something else happens."""
        acts = {"sh": self._type, "text": self._see, "diff": self._edit, "quote": self._look_up}
        for block in blocks:
            act: Callable[[Block], str | None] = acts[block.kind]
            wrong = act(block)
            if wrong:
                pytest.fail(f"line {block.line}: {wrong}", pytrace=False)

    def close(self) -> None:
        """Close all terminals."""
        for terminal in self.terminals.values():
            terminal.close()

    def _terminal(self, block: Block) -> Terminal:
        self.at = block.words.get("terminal", "1" if block.kind == "sh" else self.at)
        if self.at not in self.terminals:
            first = self.terminals.get("1")
            self.terminals[self.at] = Terminal(first.directory if first else self.directory, self.environment)
        return self.terminals[self.at]

    def _type(self, block: Block) -> str | None:
        terminal = self._terminal(block)
        if self.at in self.staying:
            return f"in terminal {self.at} a program still runs"
        bring_crates(terminal.directory)
        self.said = ""
        lines = commands(block)
        for line in lines:
            last = line == lines[-1]
            typed = as_oneself(with_known(line, self.known)) + "\n"
            if last and "stays" in block.words:
                terminal.type(typed)
                self.staying.add(self.at)
                self.said = None
                return None
            done = _run(terminal, typed)
            if not done:
                return f"{line!r} does not end:\n{terminal.unread()}"
            said, status = done
            wanted = int(block.words.get("status", 0)) if last else 0
            if status != wanted:
                return f"{line!r} ended with {status} instead of {wanted}:\n{said}"
            self.said += said
        return None

    def _see(self, block: Block) -> str | None:
        terminal = self._terminal(block)
        shown = as_oneself(block.content)
        if self.at not in self.staying:
            said, self.said = self.said, None
            return "nothing was typed that this could follow" if said is None else self._compare(shown, said)
        before, interrupted, after = shown.partition(CTRL_C)
        if not interrupted:
            match = terminal.wait_for(expected(shown, self.known), SIGHT_SECONDS)
            if not match:
                return f"this is not what is seen, which is:\n{terminal.unread()}"
            learn(match, self.known)
            return None
        self.staying.remove(self.at)
        terminal.type("\x03")
        done = terminal.wait_for_prompt(SIGHT_SECONDS)
        if not done:
            return f"Ctrl-C does not end it:\n{terminal.unread()}"
        return self._compare(before + after, done[0])

    def _compare(self, shown: str, said: str) -> str | None:
        match = expected(shown, self.known).fullmatch(f"{said.strip()}\n".lstrip())
        if not match:
            return f"this is not what is seen, which is:\n{said}"
        learn(match, self.known)
        return None

    def _edit(self, block: Block) -> str | None:
        command = ["git", "apply", "--recount", "-"]
        done = subprocess.run(
            command, cwd=self.terminals["1"].directory, input=block.content, text=True, capture_output=True, check=False
        )
        return done.stderr or None

    def _look_up(self, block: Block) -> str | None:
        file = self.terminals["1"].directory / block.words["file"]
        return None if block.content in file.read_text() else f"this does not stand in {file}"


def _run(terminal: Terminal, typed: str) -> tuple[str, int] | None:
    """Type a command, and again while the machine installs something; return what it said and its status."""
    deadline = time.monotonic() + COMMAND_SECONDS
    while True:
        terminal.type(typed)
        done = terminal.wait_for_prompt(COMMAND_SECONDS)
        if not done or BUSY not in done[0] or time.monotonic() > deadline:
            return done
        time.sleep(BUSY_SECONDS)


def as_oneself(text: str) -> str:
    """Leave out sudo where one is root, as the text says that one can."""
    return text if AS_ROOT else re.sub(r"(/usr/bin/)?\bsudo ", "", text)
