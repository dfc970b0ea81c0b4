# SPDX-License-Identifier: BSD-2-Clause
"""Puts the templates into the packages. Their symbolic links become the files that they lead to."""

import os
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class Templates(BuildHookInterface[Any]):
    """The templates stand beside scaffold/ in a source distribution and inside it in a wheel."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Name every file of the templates, since hatchling enters a directory once only, links or not."""
        source = Path(self.root, "templates")
        place = "templates" if self.target_name == "sdist" else "scaffold/templates"
        if version == "editable":
            return
        for parent, directories, files in os.walk(source, followlinks=True):
            directories[:] = [name for name in directories if not name.endswith(("_cache", "__pycache__"))]
            for name in files:
                path = Path(parent, name)
                build_data["force_include"][str(path)] = f"{place}/{path.relative_to(source)}"
