# SPDX-License-Identifier: BSD-2-Clause
"""What more than one command prints: errors, notes, JSON, shell-quoted paths, and the progress of tests."""

import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from scaffold.errors import Problem

if TYPE_CHECKING:
    from scaffold.generate.create import Created, ProjectPlan
    from scaffold.testing.engine import Event
    from scaffold.vmtest.verdict import Verdict

MAX_PROBLEMS = 50


def is_interactive() -> bool:
    """Return whether a user can answer questions. Questions go to stderr, so stdout may be redirected."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def print_error(message: str, hint: str = "") -> None:
    """Print an error to stderr, and the hint in a line of its own."""
    print(f"error: {message}", file=sys.stderr)
    if hint:
        print(f"hint: {hint}", file=sys.stderr)


def print_problems(problems: Sequence[Problem]) -> None:
    """Print invalid answers to stderr: one as an error, several as a list of at most MAX_PROBLEMS lines."""
    if len(problems) == 1:
        (problem,) = problems
        print_error(f"{problem.answer}: {problem.message}", problem.hint)
        return
    print_error(f"{len(problems)} answers are invalid; nothing was written")
    for problem in problems[:MAX_PROBLEMS]:
        print(f"  {problem}", file=sys.stderr)
    if len(problems) > MAX_PROBLEMS:
        print(f"  and {len(problems) - MAX_PROBLEMS} more", file=sys.stderr)


def print_note(text: str) -> None:
    """Print to stderr what is neither a result nor an error, such as the start of a slow step."""
    print(f"ebpf-new: {text}", file=sys.stderr, flush=True)


def print_json(value: object, indent: int | None = 2) -> None:
    """Print `value` as JSON; without `indent` in one line."""
    import json

    print(json.dumps(value, indent=indent))


def quote_path(path: Path) -> str:
    """Return `path` as a user types it in a shell: relative to the current directory if it is inside."""
    import shlex

    directory = Path.cwd()
    text = str(path.relative_to(directory)) if path.is_relative_to(directory) else str(path)
    return shlex.quote(f".{os.sep}{text}" if text.startswith("-") else text)


def count(number: int, singular: str, plural: str = "") -> str:
    """Return `number` with its noun: "1 file", "2 files"; `plural` is needed if it is not `singular` with an s."""
    return f"{number} {singular if number == 1 else plural or f'{singular}s'}"


def project_fields(source: "ProjectPlan | Created", path: Path) -> dict[str, object]:
    """Return the fields with which JSON output describes a project at `path`."""
    project = source.project
    return {"path": str(path), "name": project.name, "framework": project.framework, "program": project.program}


def created_fields(created: "Created") -> dict[str, object]:
    """Return the fields with which JSON output describes a project that was created."""
    commit = created.commit
    return {
        **project_fields(created, created.path),
        "files": created.files,
        "commit": commit and commit.hash,
        "branch": commit and commit.branch,
    }


def print_events(events: "Iterable[Event]", total: int, as_json: bool, verdicts: "list[Verdict]") -> None:
    """Print the `events` of `total` test runs as they happen, and append every verdict to `verdicts`.

    With `as_json` stdout gets only the verdicts, one JSON object per line; notes go to stderr.
    """
    from scaffold.testing.engine import Ended, Started
    from scaffold.testing.pool import Note
    from scaffold.testing.report.table import LiveTable
    from scaffold.vmtest.verdict import Verdict
    from scaffold.vmtest.verdict import as_json as verdict_json

    if as_json:
        for event in events:
            if isinstance(event, Verdict):
                verdicts.append(event)
                print(verdict_json(event), flush=True)
            elif isinstance(event, Note):
                print_note(event.text)
        return
    with LiveTable(total, sys.stdout) as table:
        for event in events:
            if isinstance(event, Verdict):
                verdicts.append(event)
                table.verdict(event)
            elif isinstance(event, Ended):
                table.finished(event.project, event.kernel)
            elif isinstance(event, Started):
                table.started(event.project, event.kernel)
            elif isinstance(event, Note):
                table.note(event.text)
            else:
                table.refresh()
