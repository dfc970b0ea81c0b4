# SPDX-License-Identifier: BSD-2-Clause
"""What is asked on a terminal when an answer was not given as an option."""

import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from scaffold.project.catalog import Framework, Program
    from scaffold.update.update import Question


def on_terminal() -> bool:
    """Tell whether somebody is there to ask. Questions go to stderr, so stdout may be anything."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def ask_framework(frameworks: Mapping[str, "Framework"], default: str = "") -> str:
    """Show the frameworks and what each costs, and return the one chosen by name or number, unchecked."""
    rows = {
        each.name: f"{each.language}: {each.choose} ({each.shipped} shipped, first build {each.first_build})"
        for each in frameworks.values()
    }
    return _ask_choice("Which framework loads the BPF program?", rows, default)


def ask_program(programs: Sequence["Program"], default: str) -> str:
    """Show the BPF programs to start from, and return the one chosen, unchecked."""
    return _ask_choice("Which BPF program to start from?", {each.name: each.summary for each in programs}, default)


def ask_license(licenses: Sequence[str], default: str) -> str:
    """Show the licences, and return the one chosen, unchecked."""
    question = "Under which licence? (The BPF program stays GPL-2.0-only OR BSD-2-Clause.)"
    return _ask_choice(question, dict.fromkeys(licenses, ""), default)


def ask_text(question: str, default: str) -> str:
    """Return what is typed in answer to `question`; `default` when that is nothing."""
    from rich.prompt import Prompt
    from rich.text import Text

    console = _console()
    try:
        return Prompt.ask(Text(question), console=console, default=default, show_default=bool(default))
    except KeyboardInterrupt:
        console.print()  # the shell's prompt begins a line
        raise


def ask_new(questions: Sequence["Question"]) -> dict[str, str]:
    """Ask what newer templates ask, and return the answers."""
    from rich.prompt import Prompt
    from rich.text import Text

    console = _console()
    if questions:
        console.print("The templates ask more than when this project was made. Enter takes what stands in brackets.")
    return {
        each.key: Prompt.ask(
            Text(f"{each.words} [{each.default}]"),
            console=console,
            choices=list(each.choices) or None,
            default=each.default,
            show_default=False,
        )
        for each in questions
    }


def tell_problem(message: str) -> None:
    """Say why an answer is not taken, before it is asked for again."""
    _console().print(message, style="red", markup=False, highlight=False)


def _ask_choice(question: str, rows: Mapping[str, str], default: str) -> str:
    console = _console()
    console.print(question, highlight=False)
    console.print(_numbered(rows))
    names = list(rows)
    answer = ask_text("Name or number", default if default in names else names[0])
    numbers = {str(number): name for number, name in enumerate(names, start=1)}
    return numbers.get(answer, answer)


def _numbered(rows: Mapping[str, str]) -> "Table":
    from rich.table import Table
    from rich.text import Text

    table = Table.grid(padding=(0, 2))
    for number, (name, words) in enumerate(rows.items(), start=1):
        table.add_row(f" [cyan]{number}[/]", Text(name, "bold"), Text(words))
    return table


def _console() -> "Console":
    from rich.console import Console

    return Console(stderr=True)
