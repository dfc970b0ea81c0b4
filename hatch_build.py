# SPDX-License-Identifier: BSD-2-Clause
"""Put the templates into the packages, with each symbolic link replaced by its target."""

import os
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class Templates(BuildHookInterface[Any]):
    """Adds the templates: next to scaffold/ in a source distribution, inside it in a wheel."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Name each file, because hatchling enters a directory only once even if several links lead to it."""
        source = Path(self.root, "templates")
        target = "templates" if self.target_name == "sdist" else "scaffold/templates"
        if version == "editable":
            return
        for parent, directories, files in os.walk(source, followlinks=True):
            directories[:] = [name for name in directories if not name.endswith(("_cache", "__pycache__"))]
            for name in files:
                path = Path(parent, name)
                build_data["force_include"][str(path)] = f"{target}/{path.relative_to(source)}"
