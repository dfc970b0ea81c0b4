# SPDX-License-Identifier: BSD-2-Clause
"""Every framework with every program, as it comes out."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from scaffold.errors import DiskError, TemplateError
from scaffold.generate.render import planned_files, render
from scaffold.project.catalog import Framework, templates_directory
from tests.conftest import Command
from tests.render.trees import CATALOG, COMBINATIONS, LICENSES, UNRENDERED, contents, project, rendered

# Formats with no comments, texts for people, and data whose first line is its meaning.
WITHOUT_SPDX_LINE = re.compile(
    r"\.(json|lock|md|sum|txt)$|^LICENSE$|^\.gitignore$|^\.editorconfig$|^\.clang-format$|^\.dockerignore$|^test/kernels$"
)
MACHINE = [str(Path.home()), str(templates_directory()), "/tmp", "/work", "/opt", "pypi.", "localhost"]


@pytest.mark.parametrize(("framework", "program"), COMBINATIONS)
def test_files_are_clean(tmp_path: Path, framework: str, program: str) -> None:
    tree = contents(rendered(tmp_path, framework, program=program))
    for name, (data, executable) in tree.items():
        text = data.decode()
        assert text.endswith("\n") and not text.endswith("\n\n") and "\r" not in text, name
        assert not re.search(r"[ \t]+$", text, re.MULTILINE), name
        assert text.startswith("#!") or not executable, name
        if not name.startswith(UNRENDERED):
            assert not re.search(r"\[[=%#]|[=%#]\](?![(])|cookiecutter", text), name
            # What a Dockerfile names is in the image.
            assert name == "Dockerfile" or not [word for word in MACHINE if word in text], name
        if not WITHOUT_SPDX_LINE.search(name):
            assert "SPDX-License-Identifier: " in "".join(text.splitlines(keepends=True)[:2]), name


@pytest.mark.parametrize(("framework", "license"), LICENSES)
def test_sources_carry_the_chosen_licence_and_the_bpf_program_its_own(
    tmp_path: Path, framework: str, license: str
) -> None:
    tree = contents(rendered(tmp_path, framework, license=license))
    for name, (data, _) in tree.items():
        found = re.findall(r"^(?://|#) SPDX-License-Identifier: (.*)$", data.decode(), re.MULTILINE)
        own = "GPL-2.0-only OR BSD-2-Clause" if ".bpf." in name else license
        own = "BSD-2-Clause" if name.startswith(UNRENDERED) else own
        assert found in ([], [own]), name
    assert f"SPDX-License-Identifier: {license}" in tree["LICENSE"][0].decode().splitlines()


@pytest.mark.parametrize(("framework", "program"), COMBINATIONS)
def test_plain_cookiecutter_makes_the_same(tmp_path: Path, ebpf_new: Command, framework: str, program: str) -> None:
    answers = {"name": "my-tool", "description": 'Counts "things" & more', "author": "Ada", "email": "a@b.org"}
    words = [f"{key}={value}" for key, value in {**answers, "program": program, "license": "MIT", "lang": "ko"}.items()]
    template = str(CATALOG[framework].directory)
    plain = plainly_made(template, tmp_path / "plain", *words)
    options = [f"--{key}={value}" for key, value in answers.items() if key != "name"]
    done = ebpf_new("my-tool", "-f", framework, "-p", program, "--license", "MIT", "--lang", "ko", *options)
    assert done.returncode == 0, done.stderr
    assert contents(tmp_path / "my-tool") == plain


def plainly_made(template: str, directory: Path, *words: str) -> dict[str, tuple[bytes, bool]]:
    """The files of the project that the plain cookiecutter command makes in `directory`, and nothing else."""
    command = [sys.executable, "-m", "cookiecutter", "--no-input", "-o", str(directory), template, *words]
    environment = os.environ | {"COOKIECUTTER_CONFIG": os.devnull, "HOME": str(directory.parent)}
    subprocess.run(command, check=True, env=environment)
    (made,) = directory.iterdir()
    return {name: file for name, file in contents(made).items() if "__pycache__" not in name}


def test_plain_cookiecutter_has_the_same_defaults(tmp_path: Path, ebpf_new: Command) -> None:
    framework = next(iter(CATALOG.values()))
    plain = plainly_made(str(framework.directory), tmp_path / "plain")
    assert ebpf_new("hello", "-f", framework.name, "--author", "", "--email", "").returncode == 0
    assert contents(tmp_path / "hello") == plain


@pytest.mark.parametrize(("framework", "program"), COMBINATIONS)
def test_the_plan_is_what_is_made(tmp_path: Path, framework: str, program: str) -> None:
    wanted = project(framework, program=program)
    made = contents(render(wanted, CATALOG[framework], tmp_path))
    assert planned_files(wanted, CATALOG[framework]) == sorted(made)


def copied(directory: Path) -> Framework:
    """A framework whose template stands in `directory`, with its links resolved."""
    framework = next(iter(CATALOG.values()))
    copy = shutil.copytree(framework.directory, directory / framework.name)
    return Framework(**{**vars(framework), "directory": copy})


def test_modes_are_those_of_the_umask_whatever_the_installation_has(tmp_path: Path) -> None:
    framework = copied(tmp_path / "installed")
    (script,) = framework.directory.glob("*/tools/trace.py")
    for path in framework.directory.rglob("*"):
        path.chmod(0o555 if path.is_dir() or path == script else 0o400)
    before = os.umask(0o027)
    try:
        root = render(project(framework.name), framework, tmp_path)
    finally:
        os.umask(before)
    modes = {str(path.relative_to(root)): path.stat().st_mode & 0o777 for path in root.rglob("*")}
    assert modes.pop("tools/trace.py") == 0o750
    assert {name: mode for name, mode in modes.items() if mode != (0o750 if (root / name).is_dir() else 0o640)} == {}


def test_what_python_leaves_beside_the_templates_is_not_given_away(tmp_path: Path) -> None:
    framework = copied(tmp_path / "used")
    (runner,) = framework.directory.glob("*/test/vmtest")
    (runner / "__pycache__").mkdir(exist_ok=True)
    (runner / "__pycache__/run.cpython-311.pyc").touch()
    root = render(project(framework.name), framework, tmp_path)
    assert not list(root.rglob("__pycache__"))
    assert sorted(contents(root)) == planned_files(project(framework.name), framework)


def test_a_broken_template_is_named(tmp_path: Path) -> None:
    framework = copied(tmp_path / "broken")
    (readme,) = framework.directory.glob("*/README.md")
    readme.write_text("[= nonsense =]")
    with pytest.raises(TemplateError, match=r"/broken/.*: .*nonsense"):
        render(project(framework.name), framework, tmp_path)


def test_a_directory_that_is_not_there_is_a_disk_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DiskError, match="cannot write the project"):
        rendered(tmp_path / "file", next(iter(CATALOG)))
