# SPDX-License-Identifier: BSD-2-Clause
"""Run a first session and draw it as docs/session.svg: `.venv/bin/python tools/record.py`."""

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
    """Run the session in an empty directory, and draw its output."""
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True)
    with tempfile.TemporaryDirectory() as directory, tempfile.TemporaryDirectory() as commands:
        # A separate directory for the one command keeps the paths of this machine out of the picture.
        Path(commands, "ebpf-new").symlink_to(Path(sys.executable).with_name("ebpf-new"))
        environment = {**os.environ, "PATH": f"{commands}:{os.environ['PATH']}", "COLUMNS": str(COLUMNS)}
        for subdirectory, command in SESSION:
            console.print(Text.assemble((f"{subdirectory}$ ", "bold green"), (command, "bold")))
            console.print(Text(_output_of(command, Path(directory, subdirectory), environment)))
    # The page that shows the picture chooses the font, so the picture loads none from the network.
    svg_format = re.sub(r"@font-face \{\{.*?\}\}", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)
    TARGET.write_text(console.export_svg(title="ebpf-new", code_format=svg_format), encoding="utf-8")


def _output_of(command: str, directory: Path, environment: dict[str, str]) -> str:
    done = subprocess.run(
        command, shell=True, cwd=directory, env=environment,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=True,
    )  # fmt: skip
    return done.stdout


if __name__ == "__main__":
    main()
