# SPDX-License-Identifier: BSD-2-Clause
"""The arguments and options that several commands share, their shell completion, and the help on their choices."""

from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand


class CommandWithChoices(TyperCommand):
    """A command whose help ends with the choices for --framework, --program, --lang and --license."""

    def format_epilog(self, _ctx: Any, formatter: Any) -> None:
        """Write a section for each of these options."""
        from scaffold.project.catalog import frameworks

        catalog = frameworks()
        languages = dict.fromkeys(language for framework in catalog for language in framework.languages)
        for title, rows in (
            ("Frameworks", [(framework.name, f"{framework.language}: {framework.choose}") for framework in catalog]),
            ("Programs", list(_program_summaries().items())),
            ("Languages", [(name, "") for name in languages]),
            ("Licences", [(f'"{name}"' if " " in name else name, "") for name in _licenses()]),
        ):
            with formatter.section(title):
                formatter.write_dl(rows)


def complete_framework(incomplete: str) -> list[tuple[str, str]]:
    """Complete --framework from the catalog."""
    from scaffold.project.catalog import frameworks

    return [(framework.name, framework.choose) for framework in frameworks() if framework.name.startswith(incomplete)]


def complete_program(incomplete: str) -> list[tuple[str, str]]:
    """Complete --program from the catalog."""
    return [(name, summary) for name, summary in _program_summaries().items() if name.startswith(incomplete)]


def complete_license(incomplete: str) -> list[str]:
    """Complete --license from the catalog."""
    return [name for name in _licenses() if name.startswith(incomplete)]


def complete_lang(incomplete: str) -> list[str]:
    """Complete --lang from the catalog."""
    from scaffold.project.catalog import frameworks

    return [name for framework in frameworks()[:1] for name in framework.languages if name.startswith(incomplete)]


def complete_kernel(incomplete: str) -> list[str]:
    """Complete --kernel from the kernels that projects are tested on."""
    from scaffold.project.catalog import kernel_names

    return [name for name in kernel_names() if name.startswith(incomplete)]


def complete_arch(incomplete: str) -> list[str]:
    """Complete --arch."""
    from scaffold.vmtest.architecture import ARCHITECTURES

    return [name for name in ARCHITECTURES if name.startswith(incomplete)]


def _program_summaries() -> dict[str, str]:
    from scaffold.project.catalog import frameworks

    return {program.name: program.summary for framework in frameworks() for program in framework.programs}


def _licenses() -> list[str]:
    from scaffold.project.catalog import frameworks

    return list(dict.fromkeys(name for framework in frameworks() for name in framework.licenses))


FrameworkOption = Annotated[
    str | None,
    typer.Option(
        "--framework", "-f", metavar="FRAMEWORK", autocompletion=complete_framework,
        help="Framework that loads the BPF program. It determines the programming language. The choices are below.",
    ),
]  # fmt: skip
ProgramOption = Annotated[
    str | None,
    typer.Option(
        "--program", "-p", metavar="PROGRAM", autocompletion=complete_program,
        help="BPF program to start from. Default: the first program below.",
    ),
]  # fmt: skip
AuthorOption = Annotated[
    str | None,
    typer.Option(metavar="TEXT", help="Copyright holder. Default: git's user.name."),
]
EmailOption = Annotated[
    str | None,
    typer.Option(metavar="TEXT", help="E-mail address of the author. Default: git's user.email."),
]
LicenseOption = Annotated[
    str | None,
    typer.Option(
        "--license", metavar="SPDX", autocompletion=complete_license,
        help="Licence of the repository. The BPF program is always GPL-2.0-only OR BSD-2-Clause, which the kernel"
        " accepts. Default: the first licence below.",
    ),
]  # fmt: skip
DescriptionOption = Annotated[
    str | None, typer.Option(metavar="TEXT", help="First line of the README and of the program's --help.")
]
OwnerOption = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="GitHub user or organisation that will own the repository."),
]
LangOption = Annotated[
    str | None,
    typer.Option(
        "--lang", metavar="LANG", autocompletion=complete_lang,
        help="Language of the README. Messages are always in English. Default: the first language below.",
    ),
]  # fmt: skip
GitOption = Annotated[
    bool | None,
    typer.Option("--git/--no-git", help="Create a git repository with a first commit (default), or only the files."),
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
        help="Create a temporary project from this template and test it. Repeat it for more templates.",
    ),
]  # fmt: skip
AllTemplatesOption = Annotated[bool, typer.Option("--all-templates", help="Test a project of every template.")]
KernelOption = Annotated[
    list[str] | None,
    typer.Option(
        "--kernel", metavar="V", autocompletion=complete_kernel,
        help="Kernel to test on: 6.1, 6.12, ... (downloaded from the apt archive, not installed), newest, distro,"
        " host, or the path of a kernel image. Repeat it for more kernels. Default: the kernels in test/kernels.",
    ),
]  # fmt: skip
KernelsOption = Annotated[
    Path | None,
    typer.Option(
        "--kernels", metavar="FILE", help="Test on the kernels in FILE too: one per line, as in test/kernels."
    ),
]
ArchOption = Annotated[
    str | None,
    typer.Option(
        metavar="ARCH", autocompletion=complete_arch,
        help="Architecture of the virtual machines and their programs: amd64 or arm64. Default: this machine's.",
    ),
]  # fmt: skip
JunitOption = Annotated[
    Path | None, typer.Option(metavar="FILE", dir_okay=False, help="Also write the results to FILE as JUnit XML.")
]
SummaryOption = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE", dir_okay=False,
        help="Also write the results to FILE in Markdown. A job of GitHub Actions always shows them in its summary.",
    ),
]  # fmt: skip
HeatmapOption = Annotated[
    Path | None,
    typer.Option(metavar="FILE", dir_okay=False, help="Also draw the results to FILE, as a heat map in SVG."),
]

JobsOption = Annotated[
    int | None,
    typer.Option(
        "--jobs", "-j", metavar="N", min=1,
        help="Run at most N builds and virtual machines at once, or fewer if memory is short. Default: one more than"
        " there are cores.",
    ),
]  # fmt: skip
RetryOption = Annotated[
    int,
    typer.Option(
        "--retry-infra", metavar="N", min=0, help="Retry runs that ended in an infrastructure error, up to N times."
    ),
]
LogsOption = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR", file_okay=False,
        help="Directory for the console logs of virtual machines whose test did not pass. Default: one in the cache.",
    ),
]  # fmt: skip
UnlimitedMemoryOption = Annotated[
    bool,
    typer.Option(
        "--allow-unlimited-memory",
        help="Build even if no control group can limit the memory. A build can then use all memory of this machine.",
    ),
]
