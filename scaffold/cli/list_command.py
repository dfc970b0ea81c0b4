# SPDX-License-Identifier: BSD-2-Clause
"""The command `ebpf-new list`."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from scaffold.cli.terminal import print_json

if TYPE_CHECKING:
    from scaffold.project.catalog import Framework


def list_frameworks(
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object with all fields instead of a table.")
    ] = False,
) -> None:
    """List the frameworks and programs: language, tools, result, and when to choose each.

    Exit status: 0 the list was printed, 2 wrong usage.
    """
    from scaffold.project.catalog import default_kernels, load_catalog

    frameworks = load_catalog()
    if as_json:
        objects = [_framework_fields(framework) for framework in frameworks.values()]
        print_json({"frameworks": objects, "kernels": default_kernels()})
    else:
        _print_tables(frameworks)


def _print_tables(frameworks: "Mapping[str, Framework]") -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    titles = ("Framework", "Language", "Build tools", "Result", "Choose it for")
    table = Table(*titles, box=box.SIMPLE_HEAD, pad_edge=False, show_lines=True)
    for framework in frameworks.values():
        tools = ", ".join(need.name for need in framework.needs if need.target in ("", "build"))
        cells = (framework.name, framework.language, tools, framework.artefact, framework.choose)
        table.add_row(*map(Text, cells))
    programs = Table("Program", "Frameworks", "What it does", box=box.SIMPLE_HEAD, pad_edge=False)
    for program in {program: None for framework in frameworks.values() for program in framework.programs}:
        names = ", ".join(framework.name for framework in frameworks.values() if program in framework.programs)
        programs.add_row(*map(Text, (program.name, names, program.summary)))
    Console().print(table, programs)


def _framework_fields(framework: "Framework") -> dict[str, object]:
    return {
        "name": framework.name,
        "title": framework.title,
        "language": framework.language,
        "needs": [{"name": need.name, "package": need.package, "target": need.target} for need in framework.needs],
        "artefact": framework.artefact,
        "choose": framework.choose,
        "shipped": framework.shipped,
        "first_build": framework.first_build,
        "programs": [asdict(program) for program in framework.programs],
        "licenses": framework.licenses,
        "languages": framework.languages,
    }
