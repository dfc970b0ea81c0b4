# SPDX-License-Identifier: BSD-2-Clause
"""What a check has found."""

from dataclasses import dataclass

OK, WARNING, MISSING = "ok", "warning", "missing"
BUILD, RUN, TEST = "build", "run", "test"


@dataclass(frozen=True)
class Finding:
    """One line of the report. Of what is missing its purpose cannot do without; a warning it can."""

    purpose: str
    check: str
    status: str
    found: str
    mend: str = ""  # the command, or what to do where there is none; "" when all is well
    package: str = ""  # what to install, as this distribution calls it
