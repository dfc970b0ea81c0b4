# SPDX-License-Identifier: BSD-2-Clause
"""An exported repository is what `ebpf-new` creates, with the files that make it a template on GitHub."""

import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from scaffold.generate.render import files_in
from scaffold.project.catalog import templates_directory
from tests.conftest import Command, git
from tests.render.starters import ANSWERS, answers_of, starter
from tests.render.trees import CATALOG, contents, rendered

BLOCK = re.compile(r"\n[^\n]*ebpf-new export: begin.*?ebpf-new export: end[^\n]*\n", re.DOTALL)
SOURCE = templates_directory() / "_export"
ADDED = {*(name for name in files_in(SOURCE / "files") if "__pycache__" not in name), "tools/rename.json"}
CHANGED = set(files_in(SOURCE / "blocks"))
EXPORT = [sys.executable, "-m", "scaffold", "export"]
EVERY_KIND = pytest.mark.parametrize("kind", ANSWERS)
EVERY_FRAMEWORK = pytest.mark.parametrize("framework", CATALOG)


def without_blocks(files: dict[str, tuple[bytes, bool]]) -> dict[str, tuple[bytes, bool]]:
    """Return `files` without the blocks and without the files that the export adds."""
    restored = {name: (BLOCK.sub("", files[name][0].decode()).encode(), files[name][1]) for name in CHANGED}
    return {name: file for name, file in (files | restored).items() if name not in ADDED}


@EVERY_KIND
@EVERY_FRAMEWORK
def test_it_is_the_plain_project_with_additions(tmp_path: Path, framework: str, kind: str) -> None:
    exported = contents(starter(kind, framework))
    plain = contents(rendered(tmp_path, **answers_of(starter(kind, framework))))
    assert plain.keys() | ADDED == exported.keys()
    assert {name for name in plain if plain[name] != exported[name]} == CHANGED
    assert without_blocks(exported) == plain


@EVERY_FRAMEWORK
def test_export_and_new_create_the_same_project(ebpf_new: Command, tmp_path: Path, framework: str) -> None:
    assert ebpf_new("export", "all", "--owner", "acme").returncode == 0
    assert ebpf_new(f"{framework}-starter", "-f", framework, "--owner", "acme").returncode == 0
    exported, plain = tmp_path / "all" / f"{framework}-starter", tmp_path / f"{framework}-starter"
    assert without_blocks(contents(exported)) == contents(plain)
    assert git(exported, "log", "--format=%an %s") == git(plain, "log", "--format=%an %s")
    assert git(exported, "status", "--porcelain", "--ignored") == ""
    assert git(exported, "fsck", "--strict") == ""


@EVERY_FRAMEWORK
def test_the_readme_has_the_button_below_its_title(framework: str) -> None:
    title, blank, *rest = (starter("with owner", framework) / "README.md").read_text().split("\n")
    assert (title, blank, rest[0]) == (f"# {framework}-starter", "", "<!-- ebpf-new export: begin -->")
    block = "\n".join(rest[: rest.index("<!-- ebpf-new export: end -->")])
    assert f"(https://github.com/new?template_name={framework}-starter&template_owner=acme)" in block
    badges = "\n".join(rest[rest.index("<!-- ebpf-new export: end -->") : rest.index("## Start")])
    for workflow in ("ci", "release"):
        assert f"(https://github.com/acme/{framework}-starter/actions/workflows/{workflow}.yml/badge.svg)" in badges
    without = (starter("without owner", framework) / "README.md").read_text()
    assert "Press **Use this template**" in without
    assert "github.com/new" not in without and "badge" not in without


@EVERY_KIND
@EVERY_FRAMEWORK
def test_added_files_are_clean(framework: str, kind: str) -> None:
    root = starter(kind, framework)
    for name in ADDED | CHANGED:
        text = (root / name).read_text()
        assert text.endswith("\n") and not text.endswith("\n\n"), name
        assert not re.search(r"[ \t]+$", text, re.MULTILINE), name
        assert not re.search(r"\[[=%#]|[=%#]\](?![(])|cookiecutter", text), name
        if not name.endswith((".json", ".md")):
            license = answers_of(root)["license"]
            assert text.startswith(f"# SPDX-License-Identifier: {license}\n"), name


@EVERY_FRAMEWORK
def test_the_script_passes_the_checks_of_this_project(tmp_path: Path, framework: str) -> None:
    script = starter("with owner", framework) / "tools/rename.py"
    assert len(script.read_text().splitlines()) < 120
    imports = set(re.findall(r"^(?:import|from) (\w+)", script.read_text(), re.MULTILINE))
    assert imports <= sys.stdlib_module_names
    settings = str(templates_directory().parent / "pyproject.toml")
    ruff = [sys.executable, "-m", "ruff"]
    for command in (
        [*ruff, "check", "--config", settings],
        [*ruff, "format", "--check", "--config", settings],
        [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(tmp_path)],
    ):
        done = subprocess.run([*command, str(script)], cwd=tmp_path, text=True, capture_output=True, check=False)
        assert done.returncode == 0, done.stdout


@EVERY_FRAMEWORK
def test_no_workflow_depends_on_the_name_or_owner(tmp_path: Path, framework: str) -> None:
    def workflows(name: str, owner: str) -> dict[str, tuple[bytes, bool]]:
        (tmp_path / name).mkdir()
        tree = contents(rendered(tmp_path / name, framework, name=name, owner=owner))
        return {name: file for name, file in tree.items() if name.startswith(".github/workflows/")}

    # The token of a workflow must not change workflows, so it could not push the commit of the rename.
    assert workflows("one", "") == workflows("Another_name", "ada")


@EVERY_FRAMEWORK
def test_names_of_files_do_not_depend_on_the_name_or_owner(tmp_path: Path, framework: str) -> None:
    one = files_in(rendered(tmp_path, framework, name="one"))
    assert one == files_in(rendered(tmp_path, framework, name="Another_name", owner="ada"))


@EVERY_KIND
@EVERY_FRAMEWORK
def test_the_workflow_has_only_the_necessary_permissions(framework: str, kind: str) -> None:
    root = starter(kind, framework)
    text = (root / ".github/workflows/first-run.yml").read_text()
    workflow = yaml.safe_load(text)
    assert workflow["permissions"] == {}
    (job,) = workflow["jobs"].values()
    assert job["permissions"] == {"contents": "write"}
    assert job["timeout-minutes"] <= 10 and workflow["concurrency"]
    assert all(re.fullmatch(r"[\w/-]+@[0-9a-f]{40}", step["uses"]) for step in job["steps"] if "uses" in step)
    assert not [step for step in job["steps"] if "${{" in step.get("run", "")]
    owner = answers_of(root)["owner"]
    itself = f"github.repository != '{owner}/{root.name}'" if owner else f"repository.name != '{root.name}'"
    other = "!github.event.repository.is_template && !github.event.repository.fork && github."
    assert job["if"].startswith(other) and job["if"].endswith(itself)


def test_json_is_one_object(ebpf_new: Command, tmp_path: Path) -> None:
    exported = json.loads(ebpf_new("export", "all", "--json", "--license", "MIT").stdout)
    assert exported["path"] == str(tmp_path / "all")
    assert [repository["framework"] for repository in exported["repositories"]] == list(CATALOG)
    for repository in exported["repositories"]:
        root = tmp_path / "all" / f"{repository['framework']}-starter"
        assert (repository["path"], repository["name"]) == (str(root), root.name)
        assert repository["files"] == git(root, "ls-files").splitlines()
        assert repository["commit"] == git(root, "rev-parse", "HEAD")
        assert answers_of(root)["license"] == "MIT"


def test_what_to_do_next(ebpf_new: Command, tmp_path: Path) -> None:
    first = f"{next(iter(CATALOG))}-starter"
    output = ebpf_new("export", "my starters", "--owner", "acme").stdout
    assert f"  cd 'my starters/{first}'\n  git remote add origin https://github.com/acme/{first}.git\n" in output
    assert "git init" not in output
    assert "  git init && git add --all" in ebpf_new("export", "files", "--no-git").stdout
    assert not list((tmp_path / "files").glob("*/.git"))


def test_an_empty_target_is_replaced(ebpf_new: Command, tmp_path: Path) -> None:
    (tmp_path / "all" / f"{next(iter(CATALOG))}-starter").mkdir(parents=True)
    (tmp_path / "all/notes").write_text("kept")
    assert ebpf_new("export", "all").returncode == 0
    assert {path.name for path in (tmp_path / "all").iterdir()} == {"notes", *(f"{name}-starter" for name in CATALOG)}


def test_all_problems_are_reported_and_nothing_is_written(ebpf_new: Command, tmp_path: Path) -> None:
    existing = [f"{name}-starter" for name in list(CATALOG)[:2]]
    for name in existing:
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text("kept")
    done = ebpf_new("export", ".", "--owner", "-", "--license", "x", "--program", "x", "--author", "a\nb")
    assert done.returncode == 2
    reported = [line.split(":")[0].strip() for line in done.stderr.splitlines()[1:]]
    assert sorted(reported) == ["--author", "--license", "--owner", "--program", "DIR", "DIR"]
    for name in existing:
        (line,) = (line for line in done.stderr.splitlines() if f"{tmp_path / name} " in line)
        assert "not empty" in line and "another DIR" in line
    assert sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*")) == sorted(
        [*existing, *(f"{name}/file" for name in existing)]
    )


def test_an_invalid_directory_is_reported_once(ebpf_new: Command, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = ebpf_new("export", "file")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"error: DIR: {tmp_path / 'file'} is not a directory")
    assert done.stderr.count("DIR:") == done.stderr.count("not a directory") == 1
    assert ebpf_new("export").returncode == 2


def test_stopped_at_any_moment_there_are_all_or_none(tmp_path: Path) -> None:
    started = time.monotonic()
    subprocess.run([*EXPORT, "complete/all"], cwd=tmp_path, check=True, capture_output=True)
    seconds = time.monotonic() - started
    statuses = set()
    for number in range(8):
        directory = tmp_path / f"run{number}"
        directory.mkdir()
        process = subprocess.Popen(
            [*EXPORT, "deep/all"], cwd=directory, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        time.sleep(seconds * (0.3 + 0.1 * number))
        process.send_signal(signal.SIGTERM)
        statuses.add(process.wait())
        names = {path.name for path in directory.iterdir()}
        exported = {path.name for path in (directory / "deep/all").glob("*")}
        assert (names, exported) in ((set(), set()), ({"deep"}, {f"{name}-starter" for name in CATALOG}))
    assert statuses <= {0, -signal.SIGTERM, 128 + signal.SIGTERM} and 128 + signal.SIGTERM in statuses
