# SPDX-License-Identifier: BSD-2-Clause
"""What the doctor looks for, from the catalog."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from scaffold.doctor.checks import Requirements, check_machine
from scaffold.doctor.distribution import find_distribution, missing_packages_fix
from scaffold.doctor.finding import Finding
from scaffold.doctor.host import Host
from scaffold.errors import UsageError
from scaffold.project.catalog import Framework

PACKAGE_DIRECTORY = Path(__file__).parents[1]  # contains vmtest


@dataclass(frozen=True)
class Diagnosis:
    """The findings, the names of the needs of each framework, and one command that installs the missing packages."""

    findings: Sequence[Finding]
    frameworks: Mapping[str, Sequence[str]]
    packages_fix: str


def check_for_frameworks(names: Sequence[str], catalog: Mapping[str, Framework]) -> Diagnosis:
    """Check this machine for the frameworks with these names, or for all of `catalog` if `names` is empty.

    Raises:
        UsageError: a name is not in `catalog`.
    """
    unknown = [name for name in names if name not in catalog]
    if unknown:
        raise UsageError(
            f"--framework: unknown framework {', '.join(unknown)}", hint=f"choose one of {', '.join(catalog)}"
        )
    frameworks = [framework for name, framework in catalog.items() if name in names or not names]
    host = Host(Path.cwd(), PACKAGE_DIRECTORY)
    distribution = find_distribution(host)
    findings = check_machine(_requirements(frameworks), host, distribution)
    needs = {framework.name: [need.name for need in framework.needs] for framework in frameworks}
    return Diagnosis(findings, needs, missing_packages_fix(findings, distribution, host))


def _requirements(frameworks: Sequence[Framework]) -> Requirements:
    needs = {need.name: need for framework in frameworks for need in framework.needs}
    sections = [program.section.partition("/") for framework in frameworks for program in framework.programs]
    tracepoints = dict.fromkeys(name for kind, _, name in sections if kind in ("tp", "tracepoint"))
    return Requirements(list(needs.values()), frameworks[0].runner_needs, list(tracepoints))
