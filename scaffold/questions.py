# SPDX-License-Identifier: BSD-2-Clause
"""What is asked on a terminal when an answer was not given as an option."""

import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from scaffold.catalog import Framework

if TYPE_CHECKING:
    from scaffold.update import Question


def on_terminal() -> bool:
    """Tell whether somebody is there to ask. Questions go to stderr, so stdout may be anything."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def ask_framework(frameworks: Mapping[str, Framework]) -> str:
    """Show the frameworks, a line on each, and return the one chosen, by its name or number."""
    from rich.console import Console
    from rich.prompt import Prompt
    from rich.table import Table
    from rich.text import Text

    console = Console(stderr=True)
    names = list(frameworks)
    table = Table.grid(padding=(0, 2))
    for number, framework in enumerate(frameworks.values(), start=1):
        words = Text(f"{framework.language}: {framework.choose}")
        table.add_row(f" [cyan]{number}[/]", f"[bold]{framework.name}[/]", words)
    console.print("Which framework loads the BPF program?")
    console.print(table)
    numbers = [str(number + 1) for number in range(len(names))]
    answer = Prompt.ask(
        f"Name or number [bold cyan]({names[0]})[/]",
        console=console,
        choices=names + numbers,
        show_choices=False,
        default=names[0],
        show_default=False,
    )
    return names[int(answer) - 1] if answer in numbers else answer


def ask_new(questions: Sequence["Question"]) -> dict[str, str]:
    """Ask what newer templates ask, and return the answers."""
    from rich.console import Console
    from rich.prompt import Prompt
    from rich.text import Text

    console = Console(stderr=True)
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
