# SPDX-License-Identifier: BSD-2-Clause
"""`.venv/bin/python tools/record.py`: runs a first session and draws it as docs/session.svg."""

import io
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.text import Text

SESSION = (
    ("", "ebpf-new hello --framework libbpf"),
    ("hello", "make"),
    ("hello", "make test"),
)
COLUMNS = 100
TARGET = Path(__file__).parents[1] / "docs" / "session.svg"


def main() -> None:
    """Run the session in an empty directory; what it prints is drawn as it came."""
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True)
    with tempfile.TemporaryDirectory() as place, tempfile.TemporaryDirectory() as tools:
        # Of this environment the session sees the one command; its paths are no part of the picture.
        Path(tools, "ebpf-new").symlink_to(Path(sys.executable).with_name("ebpf-new"))
        environment = {**os.environ, "PATH": f"{tools}:{os.environ['PATH']}", "COLUMNS": str(COLUMNS)}
        for directory, command in SESSION:
            console.print(Text.assemble((f"{directory}$ ", "bold green"), (command, "bold")))
            console.print(Text(_output_of(command, Path(place, directory), environment)))
    # The page that shows the picture chooses its font: nothing is loaded from elsewhere.
    drawing = re.sub(r"@font-face \{\{.*?\}\}", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)
    TARGET.write_text(console.export_svg(title="ebpf-new", code_format=drawing), encoding="utf-8")


def _output_of(command: str, directory: Path, environment: dict[str, str]) -> str:
    done = subprocess.run(
        command, shell=True, cwd=directory, env=environment,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=True,
    )  # fmt: skip
    return done.stdout


if __name__ == "__main__":
    main()
