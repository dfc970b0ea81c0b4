# SPDX-License-Identifier: BSD-2-Clause
"""`make rename` in a copy of an exported repository leaves what `ebpf-new` makes under that name."""

import json
import os
import re
import runpy
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st

from scaffold.generate.export import plan_exports
from scaffold.project.go_module import default_module
from scaffold.project.model import find_problems
from scaffold.project.request import ProjectRequest
from tests.conftest import Command, git
from tests.render.starters import ANSWERS, answers_of, copied, made_as, make_rename, modes, starter
from tests.render.trees import CATALOG, contents

# Before and after the packages of a lock file, with both special characters, the shortest and the longest.
NAMES = {
    "a": "with owner",
    "Zoo": "without owner",
    "zzz-1": "confusing",
    "my_tool": "without author",
    "libbpf-s_s": "with owner",
    "x" * 50: "without owner",
}
EVERY_KIND = pytest.mark.parametrize("kind", ANSWERS)
EVERY_FRAMEWORK = pytest.mark.parametrize("framework", CATALOG)
FIRST = next(iter(CATALOG))
WITH_MODULE = [name for name, framework in CATALOG.items() if "module" in framework.own_answers]


def check_renamed(repository: Path, wanted: Path) -> None:
    """The repository is the tree `wanted`, by one commit after the first, and nothing else is there."""
    assert contents(repository) == contents(wanted)
    assert modes(repository) == modes(wanted)
    assert git(repository, "log", "--format=%s").splitlines()[0] == f"Name the repository {wanted.name}"
    assert git(repository, "rev-list", "--count", "HEAD") == "2"
    assert git(repository, "status", "--porcelain", "--ignored") == ""


@pytest.mark.parametrize(("name", "kind"), NAMES.items())
@pytest.mark.parametrize("owner", ["", "Ada-L"])
@EVERY_FRAMEWORK
def test_it_is_what_is_made_under_that_name(tmp_path: Path, framework: str, kind: str, name: str, owner: str) -> None:
    repository = copied(kind, framework, tmp_path)
    done = make_rename(repository, f"NAME={name}", *([f"OWNER={owner}"] if owner else []))
    assert (done.returncode, done.stderr) == (0, "")
    check_renamed(repository, made_as(kind, framework, tmp_path, name, owner))


@EVERY_FRAMEWORK
def test_the_commands_agree(ebpf_new: Command, tmp_path: Path, framework: str) -> None:
    assert ebpf_new("export", ".").returncode == 0
    assert ebpf_new("hello", "-f", framework, "--owner", "ada").returncode == 0
    assert make_rename(tmp_path / f"{framework}-starter", "NAME=hello", "OWNER=ada").returncode == 0
    check_renamed(tmp_path / f"{framework}-starter", tmp_path / "hello")


@EVERY_FRAMEWORK
def test_the_name_and_owner_may_stay(tmp_path: Path, framework: str) -> None:
    repository = copied("with owner", framework, tmp_path)
    assert make_rename(repository, f"NAME={framework}-starter", "OWNER=acme").returncode == 0
    check_renamed(repository, made_as("with owner", framework, tmp_path, f"{framework}-starter", "acme"))


@settings(max_examples=8, deadline=None, phases=(Phase.explicit, Phase.generate))
@given(
    st.sampled_from(list(CATALOG)),
    st.sampled_from(list(ANSWERS)),
    st.from_regex(r"[A-Za-z][A-Za-z0-9_-]{0,49}", fullmatch=True),
)
def test_any_name(tmp_path_factory: pytest.TempPathFactory, framework: str, kind: str, name: str) -> None:
    if refused(framework, name, ""):
        name = f"my-{name}"[:50]
    directory = tmp_path_factory.mktemp("any")
    repository = copied(kind, framework, directory)
    assert make_rename(repository, f"NAME={name}").returncode == 0
    check_renamed(repository, made_as(kind, framework, directory, name, ""))


@EVERY_FRAMEWORK
def test_edits_elsewhere_are_no_obstacle(tmp_path: Path, framework: str) -> None:
    repository = copied("with owner", framework, tmp_path)
    wanted = made_as("with owner", framework, tmp_path, "hello", "")
    for name in ("README.md", "Makefile", "src/minimal.bpf.c"):
        for root in (repository, wanted):
            text = (root / name).read_text()
            head, rest = text.split("\n\n", 1)
            (root / name).write_text(f"{head}\n\n# Mine\n\n{rest}# Mine\n")
    git(repository, "commit", "--quiet", "--all", "--message", "Mine")
    assert make_rename(repository, "NAME=hello").returncode == 0
    assert contents(repository) == contents(wanted)


@EVERY_FRAMEWORK
def test_help_lists_it_while_it_is_there(tmp_path: Path, framework: str) -> None:
    def listed() -> list[str]:
        shown = subprocess.run(["make", "-C", repository, "help"], check=True, capture_output=True, text=True).stdout
        return re.findall(r"^  ([a-z-]+) +\w", shown, re.MULTILINE)

    repository = copied("with owner", framework, tmp_path)
    before = listed()
    assert make_rename(repository, "NAME=hello").returncode == 0
    assert sorted(before) == sorted([*listed(), "rename"])


@cache
def script(framework: str) -> dict[str, Any]:
    """What the script of the framework defines."""
    return runpy.run_path(str(starter("without owner", framework) / "tools/rename.py"))


def said_of(framework: str, name: str, owner: str) -> str:
    data = json.loads((starter("without owner", framework) / "tools/rename.json").read_text())
    said: str = script(framework)["bad_answer"](name, owner, data["rules"])
    return said


def refused(framework: str, name: str, owner: str) -> bool:
    """Tell whether the generator refuses these."""
    answers = answers_of(starter("without owner", framework), name=name, owner=owner)
    has_module = "module" in CATALOG[framework].own_answers
    return bool(find_problems(answers | {"module": default_module(owner, name) if has_module else ""}, CATALOG))


def check_judged_alike(framework: str, name: str, owner: str) -> None:
    said = said_of(framework, name, owner)
    assert bool(said) == refused(framework, name, owner), (name, owner, said)
    assert len(said.splitlines()) <= 1
    advised = re.search(r"type: make rename NAME=([\w-]+)", said)
    assert bool(advised) == bool(said)
    assert not advised or said_of(framework, advised[1], "") == ""


@pytest.mark.parametrize("name", ["con", "Com1", "lpt9", "v1", "v0", "v09", "v2", "V1", "nul-1", "a" * 50, "a" * 51])
@EVERY_FRAMEWORK
def test_the_script_refuses_what_the_generator_refuses(framework: str, name: str) -> None:
    for owner in ("", "ada", "aux", "a--b", "a_b", "a" * 39, "a" * 40):
        check_judged_alike(framework, name, owner)


@EVERY_FRAMEWORK
def test_names_that_a_framework_refuses_are_refused_for_its_reason(framework: str) -> None:
    for reserved in CATALOG[framework].reserved_names:
        for name in reserved.names | {name.upper() for name in reserved.names}:
            check_judged_alike(framework, name, "")
            assert (reserved.reason in said_of(framework, name, "")) == (name in reserved.names)


@EVERY_FRAMEWORK
@given(name=st.text(), owner=st.text())
@example(name="a\n", owner="a\n")
@example(name="٣", owner="٣")
@settings(deadline=None)
def test_any_answer_is_judged_alike(framework: str, name: str, owner: str) -> None:
    check_judged_alike(framework, name, owner)


def check_refused(repository: Path, *words: str, because: str, **environment: str) -> None:
    """`make rename` says one line, and leaves everything as it is."""
    before, at = contents(repository), git(repository, "rev-parse", "HEAD")
    changes = git(repository, "status", "--porcelain")
    done = make_rename(repository, *words, **environment)
    line, made = done.stderr.splitlines()
    assert line.startswith("rename: ") and made.startswith("make: *** "), done.stderr
    assert because in line
    assert (done.returncode, done.stdout) == (2, "")
    assert (contents(repository), git(repository, "rev-parse", "HEAD")) == (before, at)
    assert git(repository, "status", "--porcelain") == changes


BAD_NAMES = [
    "1.tool",
    "a b",
    "a:b",
    "a;b",
    "a%b",
    "a#b",
    "a'b",
    "$$(id)",
    "`id`",
    '"',
    "-x",
    "--help",
    "größe",
    "a" * 51,
]


@EVERY_FRAMEWORK
def test_bad_answers_are_refused_in_a_line(tmp_path: Path, framework: str) -> None:
    repository = copied("with owner", framework, tmp_path)
    reserved = sorted(CATALOG[framework].reserved_names[0].names)[0]
    check_refused(repository, because="NAME is missing; type: make rename NAME=")
    check_refused(repository, "NAME=", because="NAME is missing; type: make rename NAME=")
    check_refused(repository, because="NAME is missing", NAME="from-the-environment", OWNER="-")
    check_refused(repository, f"NAME={reserved}", because=f"; type: make rename NAME=my-{reserved} OWNER=acme")
    check_refused(
        repository, "NAME=hello", "OWNER=a_b", because="'a_b' is no user or organisation on GitHub; allowed is"
    )


def test_bad_names_are_refused_in_a_line(tmp_path: Path) -> None:
    repository = copied("with owner", FIRST, tmp_path)
    for name in BAD_NAMES:
        because = f" is no name of a {CATALOG[FIRST].title} project; allowed is a letter,"
        check_refused(repository, f"NAME={name}", because=because)


def test_uncommitted_changes_are_refused(tmp_path: Path) -> None:
    repository = copied("with owner", FIRST, tmp_path)
    (repository / "new").touch()
    check_refused(
        repository, "NAME=hello", because="would be mixed into the commit (new); commit them first, or type: git"
    )
    git(repository, "add", "new")
    check_refused(repository, "NAME=hello", because="would be mixed into the commit (new)")
    git(repository, "stash", "--include-untracked")
    (repository / "LICENSE").unlink()
    check_refused(repository, "NAME=hello", because="would be mixed into the commit (LICENSE)")


def test_what_make_has_made_is_no_change(tmp_path: Path) -> None:
    repository = copied("with owner", FIRST, tmp_path)
    (repository / "build").mkdir()
    (repository / "build/program").touch()
    assert make_rename(repository, "NAME=hello").returncode == 0


def test_renamed_already(tmp_path: Path) -> None:
    repository = copied("with owner", FIRST, tmp_path)
    assert make_rename(repository, "NAME=hello").returncode == 0
    assert "No rule to make target 'rename'" in make_rename(repository, "NAME=other").stderr
    git(repository, "checkout", "HEAD~", "--", "tools", "Makefile")
    check_refused(
        repository, "NAME=other", because="it is called 'hello' already; to remove what is left, type: git rm "
    )


def test_no_repository_of_its_own(ebpf_new: Command, tmp_path: Path) -> None:
    advice = "type: git init && git add --all && git commit"
    assert ebpf_new("export", "all", "--no-git").returncode == 0
    repository = tmp_path / "all" / f"{FIRST}-starter"
    done = make_rename(repository, "NAME=hello")
    assert done.stderr.startswith("rename: this is no git repository (fatal: not a git repository")
    assert advice in done.stderr.splitlines()[0]
    git(tmp_path, "init", "--quiet")
    assert f"is part of {tmp_path}); {advice}" in make_rename(repository, "NAME=hello").stderr
    subprocess.run(["sh", "-c", advice.removeprefix("type: ") + " -qm Start"], cwd=repository, check=True)
    assert make_rename(repository, "NAME=hello").returncode == 0


def test_without_git(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    paths = (path for directory in reversed(os.get_exec_path()) for path in Path(directory).glob("*"))
    for name, path in {path.name: path for path in paths}.items():
        if not name.startswith("git"):
            (tmp_path / "bin" / name).symlink_to(path)
    repository = copied("with owner", FIRST, tmp_path)
    words = ("NAME=hello", f"PYTHON={sys.executable}")
    check_refused(repository, *words, because="git is missing; install it", PATH=str(tmp_path / "bin"))


def check_undone(repository: Path, command: str) -> None:
    before, at = contents(repository), git(repository, "rev-parse", "HEAD")
    done = make_rename(repository, "NAME=hello")
    assert f"rename: `git {command}` failed, as it says above; nothing was changed\n" in done.stderr
    assert (contents(repository), git(repository, "rev-parse", "HEAD")) == (before, at)
    assert git(repository, "status", "--porcelain") == ""


def test_what_fails_is_undone(tmp_path: Path, git_config: Path) -> None:
    repository = copied("with owner", FIRST, tmp_path)
    git_config.write_text("[user]\nuseConfigOnly = true\n")
    check_undone(repository, "commit")
    git_config.write_text("[user]\nname = Ada\nemail = ada@example.org\n")
    readme = repository / "README.md"
    readme.write_text(readme.read_text().replace(f"# {FIRST}-starter", "# Mine"))
    git(repository, "commit", "--quiet", "--all", "--message", "Mine")
    check_undone(repository, "apply")


@pytest.mark.parametrize("framework", WITH_MODULE)
def test_the_module_follows_the_owner(tmp_path: Path, framework: str) -> None:
    for kind, words, module in (
        ("without owner", [], "example.com/hello"),
        ("without owner", ["OWNER=ada"], "github.com/ada/hello"),
        ("with owner", [], "github.com/acme/hello"),
    ):
        (tmp_path / module).mkdir(parents=True)
        repository = copied(kind, framework, tmp_path / module)
        assert make_rename(repository, "NAME=hello", *words).returncode == 0
        assert json.loads((repository / ".ebpf-new.json").read_text())["answers"]["module"] == module


def first_run(kind: str, framework: str, directory: Path, name: str) -> tuple[subprocess.CompletedProcess[str], Path]:
    """Run the steps of the workflow in a clone, as GitHub does, and return what they did, and the remote repository."""
    remote, clone = directory / "remote.git", directory / "clone"
    git(directory, "clone", "--quiet", "--bare", str(starter(kind, framework)), str(remote))
    git(directory, "clone", "--quiet", str(remote), str(clone))
    (job,) = yaml.safe_load((clone / ".github/workflows/first-run.yml").read_text())["jobs"].values()
    (step,) = (step for step in job["steps"] if "run" in step)
    event = {"github.event.repository.name": name, "github.repository_owner": "ada"}
    given = {key: event[value.removeprefix("${{ ").removesuffix(" }}")] for key, value in step["env"].items()}
    environment = os.environ | given | {"GITHUB_ACTIONS": "true"}
    (directory / "step.sh").write_text(step["run"])
    subprocess.run(["shellcheck", "--shell=bash", directory / "step.sh"], check=True)
    command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", str(directory / "step.sh")]
    return subprocess.run(command, cwd=clone, env=environment, text=True, capture_output=True, check=False), remote


@EVERY_KIND
@EVERY_FRAMEWORK
def test_the_first_run_pushes_the_rename(tmp_path: Path, git_config: Path, framework: str, kind: str) -> None:
    git_config.write_text("[user]\nuseConfigOnly = true\n")  # nobody is known on the machine of a workflow
    done, remote = first_run(kind, framework, tmp_path, "My-tool_2")
    assert done.returncode == 0, done.stderr
    git(tmp_path, "clone", "--quiet", str(remote), str(tmp_path / "again"))
    check_renamed(tmp_path / "again", made_as(kind, framework, tmp_path, "My-tool_2", "ada"))
    assert git(remote, "log", "-1", "--format=%an %cn") == "github-actions[bot] github-actions[bot]"
    changed = git(remote, "show", "--format=", "--name-status", "HEAD", "--", ".github/workflows").splitlines()
    assert changed == ["D\t.github/workflows/first-run.yml"]


@EVERY_FRAMEWORK
def test_the_first_run_says_what_to_type_when_the_name_is_none(tmp_path: Path, framework: str) -> None:
    done, remote = first_run("without owner", framework, tmp_path, "1.tool")
    assert done.returncode != 0
    assert done.stderr.startswith("::error::rename: '1.tool' is no name of a ")
    assert "; type: make rename NAME=my-1-tool OWNER=ada\n" in done.stderr
    assert git(remote, "rev-list", "--count", "HEAD") == "1"


def test_every_framework_has_a_good_name_for_its_starter(tmp_path: Path) -> None:
    plans = plan_exports(tmp_path, ProjectRequest(tmp_path), CATALOG)
    assert [plan.project.name for plan in plans] == [f"{name}-starter" for name in CATALOG]
