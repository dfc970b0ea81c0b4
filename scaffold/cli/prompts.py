# SPDX-License-Identifier: BSD-2-Clause
"""The questions that a user answers on a terminal. They are printed to stderr."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from scaffold.errors import Problem

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from scaffold.project.catalog import Framework, Program
    from scaffold.update.update import Question


def ask_framework(frameworks: Mapping[str, "Framework"], default: str = "") -> str:
    """Show the frameworks with their costs, and return the name that the user chose by name or number, unchecked."""
    rows = {
        framework.name: f"{framework.language}: {framework.choose}"
        f" ({framework.shipped} shipped, first build {framework.first_build})"
        for framework in frameworks.values()
    }
    return _ask_choice("Which framework loads the BPF program?", rows, default)


def ask_program(programs: Sequence["Program"], default: str) -> str:
    """Show the BPF programs to start from, and return the name that the user chose, unchecked."""
    return _ask_choice(
        "Which BPF program do you start from?", {program.name: program.summary for program in programs}, default
    )


def ask_license(licenses: Sequence[str], default: str) -> str:
    """Show the licences, and return the one that the user chose, unchecked."""
    question = "Which licence has the repository? (The BPF program is always GPL-2.0-only OR BSD-2-Clause.)"
    return _ask_choice(question, dict.fromkeys(licenses, ""), default)


def ask_text(question: str, default: str) -> str:
    """Return the answer to `question`, or `default` if the answer is empty."""
    from rich.prompt import Prompt
    from rich.text import Text

    console = _console()
    try:
        return Prompt.ask(Text(question), console=console, default=default, show_default=bool(default))
    except KeyboardInterrupt:
        console.print()  # the shell's prompt begins a line
        raise


def ask_questions(questions: Sequence["Question"]) -> dict[str, str]:
    """Return the answers to the questions of newer templates, by key."""
    from rich.prompt import Prompt
    from rich.text import Text

    console = _console()
    if questions:
        console.print("The templates have new questions. Press Enter to accept the default in brackets.")
    return {
        question.key: Prompt.ask(
            Text(f"{question.text} [{question.default}]"),
            console=console,
            choices=list(question.choices) or None,
            default=question.default,
            show_default=False,
        )
        for question in questions
    }


def print_problem(problem: Problem) -> None:
    """Print why an answer is invalid, before the question is asked again."""
    console = _console()
    console.print(problem.message, style="red", markup=False, highlight=False)
    if problem.hint:
        console.print(f"hint: {problem.hint}", markup=False, highlight=False)


def _ask_choice(question: str, rows: Mapping[str, str], default: str) -> str:
    """Ask for one of `rows`, by name or number; without a valid `default` the first is the default."""
    console = _console()
    console.print(question, highlight=False)
    console.print(_numbered_table(rows))
    names = list(rows)
    answer = ask_text("Name or number", default if default in names else names[0])
    numbers = {str(number): name for number, name in enumerate(names, start=1)}
    return numbers.get(answer, answer)


def _numbered_table(rows: Mapping[str, str]) -> "Table":
    from rich.table import Table
    from rich.text import Text

    table = Table.grid(padding=(0, 2))
    for number, (name, description) in enumerate(rows.items(), start=1):
        table.add_row(f" [cyan]{number}[/]", Text(name, "bold"), Text(description))
    return table


def _console() -> "Console":
    from rich.console import Console

    return Console(stderr=True)
