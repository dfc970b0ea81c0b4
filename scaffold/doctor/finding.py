# SPDX-License-Identifier: BSD-2-Clause
"""The result of a check."""

from dataclasses import dataclass
from enum import StrEnum


class Status(StrEnum):
    """How serious a finding is: its purpose is possible despite a warning, but not if something is missing."""

    OK = "ok"
    WARNING = "warning"
    MISSING = "missing"


class Purpose(StrEnum):
    """What a check is for: to build a project, to run it on this machine, or to test it in a VM."""

    BUILD = "build"
    RUN = "run"
    TEST = "test"


@dataclass(frozen=True)
class Finding:
    """The result of one check, which is one entry of the report.

    `fix` is the command that fixes the problem, or what to do if no command can; "" with the status OK.
    `package` is the package to install, as this distribution calls it; "" if no package fixes the problem.
    """

    purpose: Purpose
    check: str
    status: Status
    found: str
    fix: str = ""
    package: str = ""
