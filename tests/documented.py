# SPDX-License-Identifier: BSD-2-Clause
"""The workflow in docs/scale.md for repositories of templates."""

import re

from tests.paths import ROOT


def documented_workflow() -> str:
    """Return the YAML of the only workflow in docs/scale.md."""
    blocks = re.findall(r"^```yaml\n(.*?)^```$", (ROOT / "docs/scale.md").read_text(), re.MULTILINE | re.DOTALL)
    (workflow,) = (block for block in blocks if "jobs:" in block)
    return str(workflow)
