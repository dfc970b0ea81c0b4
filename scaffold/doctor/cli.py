# SPDX-License-Identifier: BSD-2-Clause
"""The command of a repository, which `make doctor` calls: python3 -m doctor [DIR] [--json]."""

import argparse
import re
import signal
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path

from .checks import Requirements, check_machine
from .distribution import Distribution, find_distribution, missing_packages_fix
from .finding import Finding, Purpose, Status
from .host import Host
from .needs import read_need
from .report import exit_status, print_findings, to_json

# What a repository itself offers to install its needs, by package manager.
REPOSITORY_COMMANDS = {"apt": "make deps", "nix": "nix develop"}
TRACEPOINT = re.compile(r'SEC\("(?:tp|tracepoint)/([\w/]+)"\)')


def main() -> int:
    """Check this machine for a repository, print the findings, and return the exit status."""
    parser = argparse.ArgumentParser(
        prog="doctor",
        description="Check that this machine can build, run and test the repository. "
        "Each problem is followed by the command that fixes it. The doctor itself changes nothing.",
        epilog="Exit status: 0 nothing is missing (warnings are possible), 1 something is missing, 2 wrong usage.",
    )
    parser.add_argument("directory", nargs="?", type=Path, default=Path("."), help="the repository (default: .)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    directory = options.directory.resolve()
    try:
        requirements = read_requirements(directory)
    except (OSError, ValueError, KeyError) as error:
        parser.error(f"{directory} is not a repository created by ebpf-new: {error}")
    host = Host(directory, directory / "test")
    distribution = find_distribution(host)
    for number in (signal.SIGHUP, signal.SIGTERM):
        signal.signal(number, lambda signum, _: sys.exit(128 + signum))
    try:
        findings = check_machine(requirements, host, distribution)
    except KeyboardInterrupt:
        return 130
    # From here on the process only prints, so it may end silently when the reader of a pipe does.
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    if options.json:
        print(to_json(findings, {}))
    else:
        print_findings(findings, {}, _packages_fix(findings, distribution, host))
    return exit_status(findings)


def read_requirements(directory: Path) -> Requirements:
    """Return the requirements of the repository, from tools/needs.toml and the BPF programs in src.

    Raises:
        OSError, ValueError, KeyError: a file is missing or invalid.
    """
    tables = tomllib.loads((directory / "tools" / "needs.toml").read_text(encoding="utf-8"))
    needs = [read_need(name, table, directory) for name, table in tables.items()]
    sources = [path.read_text(encoding="utf-8") for path in sorted(directory.glob("src/*.bpf.c"))]
    return Requirements(
        [need for need in needs if not need.is_for_runner],
        [need for need in needs if need.is_for_runner],
        [name for source in sources for name in TRACEPOINT.findall(source)],
    )


def _packages_fix(findings: Sequence[Finding], distribution: Distribution, host: Host) -> str:
    """Return one command that installs all that is missing. With apt or Nix it is a command of the repository."""
    manager = distribution.manager
    if manager is None or manager.name not in REPOSITORY_COMMANDS:
        return missing_packages_fix(findings, distribution, host)
    can_help = any(each.status != Status.OK and (each.package or each.purpose == Purpose.BUILD) for each in findings)
    return REPOSITORY_COMMANDS[manager.name] if can_help else ""
