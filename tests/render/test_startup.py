# SPDX-License-Identifier: BSD-2-Clause
"""The command starts fast: the help imports neither large libraries nor the packages that do the work."""

import subprocess
import sys

LARGE = {"cookiecutter", "git", "jinja2", "rich", "yaml"}
PACKAGES = {f"scaffold.{name}" for name in ("course", "doctor", "generate", "project", "testing", "update")}


def cpu_seconds(*command: str) -> float:
    """Return the least processor time of five runs."""
    script = (
        "import os, subprocess, sys; subprocess.run(sys.argv[2:], stdout=2, check=True); print(sum(os.times()[2:4]))"
    )
    measured = [sys.executable, "-c", script, "--", *command]
    runs = [subprocess.run(measured, check=True, capture_output=True) for _ in range(5)]
    return min(float(run.stdout) for run in runs)


def test_help_starts_as_fast_as_typer_allows() -> None:
    help_seconds = cpu_seconds(sys.executable, "-m", "scaffold", "--help")
    assert help_seconds <= 2.5 * cpu_seconds(sys.executable, "-c", "import typer")


def test_help_imports_nothing_large() -> None:
    code = "import sys; from scaffold.cli.app import run; run(['--help']); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    modules = set(done.stdout.splitlines()[-1].split())
    assert "scaffold.cli.new" in modules
    assert not modules & (LARGE | PACKAGES)
