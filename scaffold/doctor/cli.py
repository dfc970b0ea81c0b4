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
from .distribution import Distribution, find_distribution, install_all
from .finding import BUILD, OK, Finding
from .host import Host
from .needs import read_need
from .report import as_json, exit_status, print_findings

OWN_INSTALLERS = {"apt": "make deps", "nix": "nix develop"}
TRACEPOINT = re.compile(r'SEC\("(?:tp|tracepoint)/([\w/]+)"\)')


def main() -> int:
    """Look at what the repository needs, print it, and return the exit status."""
    parser = argparse.ArgumentParser(
        prog="doctor",
        description="Say what this machine lacks to build, run and test the repository, and what mends it.",
        epilog="Exit status: 0 nothing is missing, 1 something is, 2 wrong usage.",
    )
    parser.add_argument("directory", nargs="?", type=Path, default=Path("."), help="the repository (default: here)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    directory = options.directory.resolve()
    try:
        wanted = read_repository(directory)
    except (OSError, ValueError, KeyError) as error:
        parser.error(f"{directory} is no repository made by ebpf-new: {error}")
    host = Host(directory, directory / "test")
    distribution = find_distribution(host)
    for number in (signal.SIGHUP, signal.SIGTERM):
        signal.signal(number, lambda signum, _: sys.exit(128 + signum))
    try:
        findings = check_machine(wanted, host, distribution)
    except KeyboardInterrupt:
        return 130
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # as of now nothing is written but the report
    if options.json:
        print(as_json(findings, {}))
    else:
        print_findings(findings, {}, _deps(findings, host, distribution))
    return exit_status(findings)


def read_repository(directory: Path) -> Requirements:
    """Return what the repository needs: tools/needs.toml says it, and the BPF programs in src.

    Raises:
        OSError, ValueError, KeyError: a file is missing or broken.
    """
    tables = tomllib.loads((directory / "tools" / "needs.toml").read_text(encoding="utf-8"))
    needs = [read_need(name, table, directory) for name, table in tables.items()]
    sources = [path.read_text(encoding="utf-8") for path in sorted(directory.glob("src/*.bpf.c"))]
    return Requirements(
        [need for need in needs if not need.runner],
        [need for need in needs if need.runner],
        [name for source in sources for name in TRACEPOINT.findall(source)],
    )


def _deps(findings: Sequence[Finding], host: Host, distribution: Distribution) -> str:
    """Return what installs all that is missing: the repository itself can, where there is apt or Nix."""
    own = OWN_INSTALLERS.get(distribution.manager.name) if distribution.manager else None
    if own is None:
        return install_all(findings, host, distribution)
    missing = any(finding.status != OK and (finding.package or finding.purpose == BUILD) for finding in findings)
    return own if missing else ""
