# SPDX-License-Identifier: BSD-2-Clause
"""The workflow that docs/scale.md gives to repositories of templates."""

import re

from tests.paths import ROOT


def documented_workflow() -> str:
    """Return its text: the only workflow there."""
    blocks = re.findall(r"^```yaml\n(.*?)^```$", (ROOT / "docs/scale.md").read_text(), re.MULTILINE | re.DOTALL)
    (workflow,) = (block for block in blocks if "jobs:" in block)
    return str(workflow)
