# SPDX-License-Identifier: BSD-2-Clause
"""Rendering a project against cookiecutter and copier, and starting the command against importing typer.

Why the comparison is fair: each tool renders the same template with the same answers into a new directory. All use
the same Python environment, compiled modules and warm disk caches. None uses git (the other two create no repository)
or a user's configuration. The trees are compared byte by byte before the measurement. copier gets the text templates
as templates and the test runner as plain files, like cookiecutter; the shared files are where it looks for them.
"""

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from scaffold.project.catalog import templates_directory
from tools.bench.measure import Row, in_turns, ratio, seconds_of

FRAMEWORK = "libbpf"
NAME = "hello"
TIMES = 15
SCRIPTS = Path(sys.executable).parent
SUFFIX = ".template"
PLAIN = ("test/vmtest", "tools/doctor")  # copied without rendering
ANSWERS = {
    "name": NAME,
    "framework": FRAMEWORK,
    "program": "tracepoint",
    "license": "LGPL-2.1 OR BSD-2-Clause",
    "description": "Says who writes.",
    "author": "Ada Byron",
    "email": "ada@example.org",
    "lang": "en",
    "year": "2026",
}


def measure_rendering(directory: Path) -> list[Row]:
    """Return the rows for rendering. The files go to the empty `directory`."""
    for bytecode in templates_directory().parent.glob("scaffold/*/__pycache__"):
        shutil.rmtree(bytecode)
    environment = _environment(directory)

    def timed(command: Callable[[Path], list[str | Path]]) -> Callable[[], float]:
        def run() -> float:
            output_directory = Path(tempfile.mkdtemp(dir=directory))
            seconds = seconds_of(command(output_directory), environment)
            shutil.rmtree(output_directory)
            return seconds

        return run

    source = _copier_template(directory / "copier")
    commands = {
        "ebpf-new": _ebpf_new,
        "cookiecutter": _cookiecutter,
        "copier": lambda output_directory: _copier(source, output_directory),
    }
    _compare_trees(commands, directory / "trees", environment)
    medians = in_turns({name: timed(command) for name, command in commands.items()}, TIMES)
    return [
        ratio("render a project / cookiecutter", medians["ebpf-new"], medians["cookiecutter"], 1.1),
        ratio("render a project / copier", medians["ebpf-new"], medians["copier"], 0.6),
    ]


def measure_start(directory: Path) -> list[Row]:
    """Return the row for the start of the command. The files go to the empty `directory`."""
    environment = _environment(directory)
    medians = in_turns(
        {
            "help": lambda: seconds_of([SCRIPTS / "ebpf-new", "--help"], environment),
            "typer": lambda: seconds_of([sys.executable, "-c", "import typer"], environment),
        },
        TIMES,
    )
    return [ratio("ebpf-new --help / import typer", medians["help"], medians["typer"], 2.5)]


def _environment(directory: Path) -> dict[str, str]:
    home = directory / "home"
    home.mkdir()
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("XDG_", "GIT_"))}
    return {**kept, "HOME": str(home), "SOURCE_DATE_EPOCH": "1780000000"}


def _ebpf_new(output_directory: Path) -> list[str | Path]:
    options = [
        f"--{key}={ANSWERS[key]}" for key in ("framework", "program", "license", "description", "author", "email")
    ]
    return [SCRIPTS / "ebpf-new", NAME, "--output-dir", output_directory, "--no-git", "--yes", *options]


def _cookiecutter(output_directory: Path) -> list[str | Path]:
    answers = [f"{key}={value}" for key, value in ANSWERS.items()]
    return [
        SCRIPTS / "cookiecutter",
        templates_directory() / FRAMEWORK,
        "--no-input",
        "--output-dir",
        output_directory,
        *answers,
    ]


def _copier(source: Path, output_directory: Path) -> list[str | Path]:
    return [SCRIPTS / "copier", "copy", "--defaults", "--quiet", source, output_directory / NAME]


def _copier_template(target: Path) -> Path:
    """Create a copier template in `target` from the files of the cookiecutter template, and return `target`."""
    template = templates_directory() / FRAMEWORK
    keys = json.loads((template / "cookiecutter.json").read_text(encoding="utf-8"))
    shutil.copytree(template / "templates", target, symlinks=False)
    (tree,) = template.glob("*cookiecutter.name*")
    shutil.copytree(tree, target / "tree", symlinks=False)
    for file in [path for path in (target / "tree").rglob("*") if path.is_file()]:
        if not any(file.is_relative_to(target / "tree" / name) for name in PLAIN):
            file.rename(file.with_name(file.name + SUFFIX))
    settings = {
        "_subdirectory": "tree",
        "_templates_suffix": SUFFIX,
        "_envops": {**keys["_jinja2_env_vars"], "keep_trailing_newline": True},
        "cookiecutter": {
            "type": "json",
            "default": json.dumps({**ANSWERS, "_version": keys["_version"], "_description": keys["_description"]}),
            "when": False,
        },
    }
    (target / "copier.yml").write_text(json.dumps(settings), encoding="utf-8")  # JSON is valid YAML
    return target


def _compare_trees(
    commands: dict[str, Callable[[Path], list[str | Path]]], directory: Path, environment: dict[str, str]
) -> None:
    trees = {}
    for name, command in commands.items():
        (directory / name).mkdir(parents=True)
        seconds_of(command(directory / name), environment)
        root = directory / name / NAME
        trees[name] = {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}
    for name, tree in trees.items():
        differing = {path for path, _ in trees["ebpf-new"].items() ^ tree.items()}
        if differing:
            raise RuntimeError(f"{name} and ebpf-new render different trees: {', '.join(sorted(differing))}")
