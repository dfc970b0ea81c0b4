# SPDX-License-Identifier: BSD-2-Clause
"""The arguments and options that more than one command takes, how a shell completes them, and help on them."""

from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand


class WithChoices(TyperCommand):
    """A command whose help ends with the choices that the templates offer."""

    def format_epilog(self, _ctx: Any, formatter: Any) -> None:
        """Write what --framework, --program and --license can be."""
        from scaffold.project.catalog import frameworks

        found = frameworks()
        programs = {program.name: program.summary for each in found for program in each.programs}
        licenses = dict.fromkeys(name for each in found for name in each.licenses)
        for title, rows in (
            ("Frameworks", [(each.name, f"{each.language}: {each.choose}") for each in found]),
            ("Programs", list(programs.items())),
            ("Languages", [(name, "") for name in dict.fromkeys(name for each in found for name in each.languages)]),
            ("Licences", [(f'"{name}"' if " " in name else name, "") for name in licenses]),
        ):
            with formatter.section(title):
                formatter.write_dl(rows)


def complete_framework(incomplete: str) -> list[tuple[str, str]]:
    """Complete --framework from the catalog."""
    from scaffold.project.catalog import frameworks

    return [(each.name, each.choose) for each in frameworks() if each.name.startswith(incomplete)]


def complete_program(incomplete: str) -> list[tuple[str, str]]:
    """Complete --program from the catalog."""
    from scaffold.project.catalog import frameworks

    programs = {program.name: program.summary for each in frameworks() for program in each.programs}
    return [(name, summary) for name, summary in programs.items() if name.startswith(incomplete)]


def complete_license(incomplete: str) -> list[str]:
    """Complete --license from the catalog."""
    from scaffold.project.catalog import frameworks

    licenses = dict.fromkeys(name for each in frameworks() for name in each.licenses)
    return [name for name in licenses if name.startswith(incomplete)]


def complete_lang(incomplete: str) -> list[str]:
    """Complete --lang from the catalog."""
    from scaffold.project.catalog import frameworks

    return [name for each in frameworks()[:1] for name in each.languages if name.startswith(incomplete)]


def complete_kernel(incomplete: str) -> list[str]:
    """Complete --kernel from the kernels that projects are tested on."""
    from scaffold.project.catalog import kernel_names

    return [name for name in kernel_names() if name.startswith(incomplete)]


def complete_arch(incomplete: str) -> list[str]:
    """Complete --arch."""
    return [name for name in ("amd64", "arm64") if name.startswith(incomplete)]


ProgramOption = Annotated[
    str | None,
    typer.Option(
        "--program", "-p", metavar="PROGRAM", autocompletion=complete_program,
        help="The BPF program to start from. Default: the first below.",
    ),
]  # fmt: skip
AuthorOption = Annotated[
    str | None,
    typer.Option(metavar="TEXT", help="Who holds the copyright. Default: git's user.name."),
]
EmailOption = Annotated[
    str | None,
    typer.Option(metavar="TEXT", help="The author's address, beside the name. Default: git's user.email."),
]
LicenseOption = Annotated[
    str | None,
    typer.Option(
        "--license", metavar="SPDX", autocompletion=complete_license,
        help="Licence of the repository. The BPF program keeps one that the kernel accepts, GPL-2.0-only OR"
        " BSD-2-Clause, whatever you choose. Default: the first below.",
    ),
]  # fmt: skip
DescriptionOption = Annotated[
    str | None, typer.Option(metavar="TEXT", help="A line that the README and the program's --help begin with.")
]
OwnersOption = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="User or organisation on GitHub that the repositories will belong to."),
]
LangOption = Annotated[
    str | None,
    typer.Option(
        "--lang", metavar="LANG", autocompletion=complete_lang,
        help="Language of the README. Messages are in English, whatever you choose. Default: the first below.",
    ),
]  # fmt: skip
GitOption = Annotated[
    bool | None,
    typer.Option("--git/--no-git", help="Make a git repository with a first commit (default), or files only."),
]

DirectoriesArgument = Annotated[
    list[Path] | None,
    typer.Argument(
        metavar="[DIR]...", help="Projects: directories with a test/vmtest.toml.", show_default=False,
    ),
]  # fmt: skip
TemplateOption = Annotated[
    list[str] | None,
    typer.Option(
        "--template", metavar="FRAMEWORK", autocompletion=complete_framework,
        help="Make a project of this template, for the time of the test. Again for each further one.",
    ),
]  # fmt: skip
AllTemplatesOption = Annotated[bool, typer.Option("--all-templates", help="The same for every template.")]
KernelOption = Annotated[
    list[str] | None,
    typer.Option(
        "--kernel", metavar="V", autocompletion=complete_kernel,
        help="Run on this kernel: 6.1, 6.12, ... (fetched from the apt archive, nothing is installed), newest, distro,"
        " host, or the path of an image. Again for each further one. Default: those in test/kernels.",
    ),
]  # fmt: skip
KernelsOption = Annotated[
    Path | None,
    typer.Option(
        "--kernels", metavar="FILE", help="Run on the kernels that FILE names, one a line, as in test/kernels."
    ),
]
ArchOption = Annotated[
    str | None,
    typer.Option(
        metavar="ARCH", autocompletion=complete_arch,
        help="Architecture of the guests: amd64 or arm64. Default: this machine's. The programs are compiled for it.",
    ),
]  # fmt: skip
JunitOption = Annotated[
    Path | None, typer.Option(metavar="FILE", dir_okay=False, help="Also write the results to FILE in the JUnit form.")
]
SummaryOption = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE", dir_okay=False,
        help="Also write them to FILE in Markdown. A job of GitHub Actions shows the same in its summary.",
    ),
]  # fmt: skip
HeatmapOption = Annotated[
    Path | None,
    typer.Option(metavar="FILE", dir_okay=False, help="Also draw them to FILE, a heat map in SVG."),
]

JobsOption = Annotated[
    int | None,
    typer.Option(
        "--jobs", "-j", metavar="N", min=1,
        help="Build and run so many at once, as far as there is memory. Default: one more than cores.",
    ),
]  # fmt: skip
RetryOption = Annotated[
    int,
    typer.Option(
        "--retry-infra", metavar="N", min=0, help="Run again, N times at most, what this machine kept from a verdict."
    ),
]
LogsOption = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR", file_okay=False,
        help="Keep the console of each guest that does not pass there. Default: a directory in the cache.",
    ),
]  # fmt: skip
UnlimitedMemoryOption = Annotated[
    bool,
    typer.Option(
        "--allow-unlimited-memory",
        help="Build also where no control group can be made, so that a build could take all memory of this machine.",
    ),
]
