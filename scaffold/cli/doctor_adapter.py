# SPDX-License-Identifier: BSD-2-Clause
"""What `ebpf-new doctor` looks for, and what it finds: from the catalog to the doctor's own terms."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from scaffold.doctor.checks import Requirements, check_machine
from scaffold.doctor.distribution import find_distribution, install_all
from scaffold.doctor.finding import Finding
from scaffold.doctor.host import Host
from scaffold.errors import UsageError
from scaffold.project.catalog import Framework


@dataclass(frozen=True)
class Checkup:
    """What was found, the needs of each framework by name, and the command that installs what is missing."""

    findings: Sequence[Finding]
    frameworks: Mapping[str, Sequence[str]]
    install: str


def check_up(names: Sequence[str], catalog: Mapping[str, Framework]) -> Checkup:
    """Look at this machine for the frameworks `names`, or for all of them without one.

    Raises:
        UsageError: one of them is not known.
    """
    unknown = [name for name in names if name not in catalog]
    if unknown:
        raise UsageError(f"--framework {', '.join(unknown)}: there are {', '.join(catalog)}")
    chosen = [each for name, each in catalog.items() if name in names or not names]
    needs = {need.name: need for each in chosen for need in each.needs}
    sections = [program.section.partition("/") for each in chosen for program in each.programs]
    tracepoints = dict.fromkeys(place for kind, _, place in sections if kind in ("tp", "tracepoint"))
    host = Host(Path.cwd(), Path(__file__).parents[1])
    distribution = find_distribution(host)
    findings = check_machine(
        Requirements(list(needs.values()), chosen[0].runner_needs, list(tracepoints)), host, distribution
    )
    frameworks = {each.name: [need.name for need in each.needs] for each in chosen}
    return Checkup(findings, frameworks, install_all(findings, host, distribution))
