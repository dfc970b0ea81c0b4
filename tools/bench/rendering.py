# SPDX-License-Identifier: BSD-2-Clause
"""Rendering a project, and starting up, against cookiecutter, copier and typer: whole processes.

What makes it fair: each renders the same template with the same answers into a new directory, in the
same Python environment, with compiled modules and warm disk caches, without git (the other two make
no repository) and without a user's configuration. Before anything is timed the trees are compared
byte by byte. copier gets the files that are text templates as templates and the test runner as plain
files, as cookiecutter does; the shared files stand where it looks for them.
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
PLAIN = ("test/vmtest", "tools/doctor")  # what no engine renders
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
    """Return the rows on rendering. `directory` is empty and may be filled."""
    for leavings in templates_directory().parent.glob("scaffold/*/__pycache__"):
        shutil.rmtree(leavings)
    environment = _environment(directory)

    def rendering(command: Callable[[Path], list[str | Path]]) -> Callable[[], float]:
        def run() -> float:
            place = Path(tempfile.mkdtemp(dir=directory))
            took = seconds_of(command(place), environment)
            shutil.rmtree(place)
            return took

        return run

    source = _copier_template(directory / "copier")
    commands = {
        "ebpf-new": _ebpf_new,
        "cookiecutter": _cookiecutter,
        "copier": lambda place: _copier(source, place),
    }
    _compare_trees(commands, directory / "trees", environment)
    took = in_turns({name: rendering(command) for name, command in commands.items()}, TIMES)
    return [
        ratio("render a project / cookiecutter", took["ebpf-new"], took["cookiecutter"], 1.1),
        ratio("render a project / copier", took["ebpf-new"], took["copier"], 0.6),
    ]


def measure_start(directory: Path) -> list[Row]:
    """Return the row on the start of the command. `directory` is empty and may be filled."""
    environment = _environment(directory)
    took = in_turns(
        {
            "help": lambda: seconds_of([SCRIPTS / "ebpf-new", "--help"], environment),
            "typer": lambda: seconds_of([sys.executable, "-c", "import typer"], environment),
        },
        TIMES,
    )
    return [ratio("ebpf-new --help / import typer", took["help"], took["typer"], 2.5)]


def _environment(directory: Path) -> dict[str, str]:
    home = directory / "home"
    home.mkdir()
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("XDG_", "GIT_"))}
    return {**kept, "HOME": str(home), "SOURCE_DATE_EPOCH": "1780000000"}


def _ebpf_new(place: Path) -> list[str | Path]:
    options = [
        f"--{key}={ANSWERS[key]}" for key in ("framework", "program", "license", "description", "author", "email")
    ]
    return [SCRIPTS / "ebpf-new", NAME, "--output-dir", place, "--no-git", "--yes", *options]


def _cookiecutter(place: Path) -> list[str | Path]:
    answers = [f"{key}={value}" for key, value in ANSWERS.items()]
    return [SCRIPTS / "cookiecutter", templates_directory() / FRAMEWORK, "--no-input", "--output-dir", place, *answers]


def _copier(source: Path, place: Path) -> list[str | Path]:
    return [SCRIPTS / "copier", "copy", "--defaults", "--quiet", source, place / NAME]


def _copier_template(place: Path) -> Path:
    """Make a copier template in `place` from the files of the cookiecutter template."""
    template = templates_directory() / FRAMEWORK
    keys = json.loads((template / "cookiecutter.json").read_text(encoding="utf-8"))
    shutil.copytree(template / "templates", place, symlinks=False)
    (tree,) = template.glob("*cookiecutter.name*")
    shutil.copytree(tree, place / "tree", symlinks=False)
    for file in [path for path in (place / "tree").rglob("*") if path.is_file()]:
        if not any(file.is_relative_to(place / "tree" / each) for each in PLAIN):
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
    (place / "copier.yml").write_text(json.dumps(settings), encoding="utf-8")  # JSON is YAML too
    return place


def _compare_trees(
    commands: dict[str, Callable[[Path], list[str | Path]]], place: Path, environment: dict[str, str]
) -> None:
    trees = {}
    for name, command in commands.items():
        (place / name).mkdir(parents=True)
        seconds_of(command(place / name), environment)
        root = place / name / NAME
        trees[name] = {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}
    for name, tree in trees.items():
        differing = {path for path, _ in trees["ebpf-new"].items() ^ tree.items()}
        if differing:
            raise RuntimeError(f"{name} and ebpf-new render different trees: {', '.join(sorted(differing))}")
