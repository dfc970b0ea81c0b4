# SPDX-License-Identifier: BSD-2-Clause
"""`make rename` in a copy of an exported repository gives the tree that `ebpf-new` creates under the new name."""

import json
import os
import re
import runpy
import subprocess
import sys
from functools import cache
from itertools import cycle, product
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
from tests.render.starters import ANSWERS, answers_of, copy_starter, make_rename, modes, render_renamed, starter
from tests.render.trees import CATALOG, contents

FIRST = next(iter(CATALOG))
KINDS = list(ANSWERS)
WITH_MODULE = [name for name, framework in CATALOG.items() if "module" in framework.own_answers]
WITH_LOCK = "libbpf-rs"  # the script sorts the packages in Cargo.lock
# Before and after the packages in Cargo.lock, with both special characters, the shortest and the longest.
NAMES = ["a", "Zoo", "zzz-1", "my_tool", "libbpf-s_s", "x" * 50]
OWNERS = ["", "Ada-L"]
# All pairs of framework and kind, framework and owner, kind and owner, name and owner; and all names with a lock file.
RENAMES = [
    (framework, kind, NAMES[(2 * f + k) % len(NAMES)], OWNERS[(f + k) % 2])
    for (f, framework), (k, kind) in product(enumerate(CATALOG), enumerate(KINDS))
]
RENAMES += [
    (WITH_LOCK, KINDS[0], name, "") for name in NAMES if name not in {row[2] for row in RENAMES if row[0] == WITH_LOCK}
]


def check_renamed(repository: Path, expected: Path) -> None:
    """The repository is the tree `expected`, after one commit on top of the first, and contains nothing else."""
    assert contents(repository) == contents(expected)
    assert modes(repository) == modes(expected)
    assert git(repository, "log", "--format=%s").splitlines()[0] == f"Name the repository {expected.name}"
    assert git(repository, "rev-list", "--count", "HEAD") == "2"
    assert git(repository, "status", "--porcelain", "--ignored") == ""


def test_the_cases_cover_all_pairs() -> None:
    frameworks, kinds, names, owners = ({row[column] for row in RENAMES} for column in range(4))
    assert (frameworks, kinds, names) == (set(CATALOG), set(ANSWERS), set(NAMES))
    for one, other in ((0, 1), (0, 3), (1, 3), (2, 3)):
        values = [frameworks, kinds, names, owners]
        assert {(row[one], row[other]) for row in RENAMES} == set(product(values[one], values[other]))
    assert {row[2] for row in RENAMES if row[0] == WITH_LOCK} == names


@pytest.mark.parametrize(("framework", "kind", "name", "owner"), RENAMES)
def test_the_result_is_what_ebpf_new_creates(tmp_path: Path, framework: str, kind: str, name: str, owner: str) -> None:
    repository = copy_starter(kind, framework, tmp_path)
    done = make_rename(repository, f"NAME={name}", *([f"OWNER={owner}"] if owner else []))
    assert (done.returncode, done.stderr) == (0, "")
    check_renamed(repository, render_renamed(kind, framework, tmp_path, name, owner))


def test_the_command_line_gives_the_same(ebpf_new: Command, tmp_path: Path) -> None:
    framework = WITH_MODULE[0]  # the answer `module` depends on both name and owner
    assert ebpf_new("export", ".").returncode == 0
    assert ebpf_new("hello", "-f", framework, "--owner", "ada").returncode == 0
    assert make_rename(tmp_path / f"{framework}-starter", "NAME=hello", "OWNER=ada").returncode == 0
    check_renamed(tmp_path / f"{framework}-starter", tmp_path / "hello")


@pytest.mark.parametrize("framework", CATALOG)
def test_the_name_and_owner_can_stay(tmp_path: Path, framework: str) -> None:
    repository = copy_starter("with owner", framework, tmp_path)
    assert make_rename(repository, f"NAME={framework}-starter", "OWNER=acme").returncode == 0
    check_renamed(repository, render_renamed("with owner", framework, tmp_path, f"{framework}-starter", "acme"))


@settings(max_examples=8, deadline=None, phases=(Phase.explicit, Phase.generate))
@given(
    st.sampled_from(list(CATALOG)),
    st.sampled_from(KINDS),
    st.from_regex(r"[A-Za-z][A-Za-z0-9_-]{0,49}", fullmatch=True),
)
def test_any_valid_name(tmp_path_factory: pytest.TempPathFactory, framework: str, kind: str, name: str) -> None:
    if generator_refuses(framework, name, ""):
        name = f"my-{name}"[:50]
    directory = tmp_path_factory.mktemp("any")
    repository = copy_starter(kind, framework, directory)
    assert make_rename(repository, f"NAME={name}").returncode == 0
    check_renamed(repository, render_renamed(kind, framework, directory, name, ""))


@pytest.mark.parametrize("framework", CATALOG)  # each has its own patch
def test_edits_elsewhere_are_kept(tmp_path: Path, framework: str) -> None:
    repository = copy_starter("with owner", framework, tmp_path)
    expected = render_renamed("with owner", framework, tmp_path, "hello", "")
    for name in ("README.md", "Makefile", "src/minimal.bpf.c"):
        for root in (repository, expected):
            text = (root / name).read_text()
            head, rest = text.split("\n\n", 1)
            (root / name).write_text(f"{head}\n\n# Mine\n\n{rest}# Mine\n")
    git(repository, "commit", "--quiet", "--all", "--message", "Mine")
    assert make_rename(repository, "NAME=hello").returncode == 0
    assert contents(repository) == contents(expected)


def test_make_help_lists_it_until_it_has_run(tmp_path: Path) -> None:
    def list_targets() -> list[str]:
        shown = subprocess.run(["make", "-C", repository, "help"], check=True, capture_output=True, text=True).stdout
        return re.findall(r"^  ([a-z-]+) +\w", shown, re.MULTILINE)

    repository = copy_starter("with owner", FIRST, tmp_path)
    before = list_targets()
    assert make_rename(repository, "NAME=hello").returncode == 0
    assert sorted(before) == sorted([*list_targets(), "rename"])


@cache
def load_script(framework: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The functions of the framework's tools/rename.py, and the data in rename.json."""
    tools = starter("without owner", framework) / "tools"
    return runpy.run_path(str(tools / "rename.py")), json.loads((tools / "rename.json").read_text())


def rule_texts(framework: str, answer: str) -> list[str]:
    """The name of the answer and the rule for it, as the script's errors contain them."""
    rule = load_script(framework)[1]["rules"][answer]
    return [rule["what"], rule["allowed"]]


def script_error(framework: str, name: str, owner: str) -> tuple[str, str] | None:
    """The message and the hint of the script for these answers, or None if it accepts them."""
    script, data = load_script(framework)
    error: tuple[str, str] | None = script["check_answers"](name, owner, data["rules"])
    return error


def generator_refuses(framework: str, name: str, owner: str) -> bool:
    """Tell whether `ebpf-new` refuses these answers."""
    answers = answers_of(starter("without owner", framework), name=name, owner=owner)
    has_module = "module" in CATALOG[framework].own_answers
    return bool(find_problems(answers | {"module": default_module(owner, name) if has_module else ""}, CATALOG))


def check_same_decision(framework: str, name: str, owner: str) -> None:
    """Script and generator accept or refuse the same answers, and the script's hint contains a valid name."""
    error = script_error(framework, name, owner)
    assert bool(error) == generator_refuses(framework, name, owner), (name, owner, error)
    if error:
        assert [len(text.splitlines()) for text in error] == [1, 1]
        suggestion = re.search(r"make rename NAME=([\w-]+)", error[1])
        assert suggestion and script_error(framework, suggestion[1], "") is None


@pytest.mark.parametrize("framework", CATALOG)
def test_names_that_a_framework_refuses_are_refused_for_its_reason(framework: str) -> None:
    for refusal in CATALOG[framework].reserved_names:
        for name in refusal.names | {name.upper() for name in refusal.names}:
            check_same_decision(framework, name, "")
            error = script_error(framework, name, "")
            assert (error is not None and refusal.reason in error[0]) == (name in refusal.names)


@pytest.mark.parametrize("framework", CATALOG)
def test_the_script_refuses_what_the_generator_refuses(framework: str) -> None:
    names = ["con", "Com1", "lpt9", "v1", "v0", "v09", "v2", "V1", "nul-1", "a" * 50, "a" * 51]
    for name, owner in product(names, ["", "ada", "aux", "a--b", "a_b", "a" * 39, "a" * 40]):
        check_same_decision(framework, name, owner)


@given(framework=st.sampled_from(list(CATALOG)), name=st.text(), owner=st.text())
@example(framework=FIRST, name="a\n", owner="a\n")
@example(framework=FIRST, name="٣", owner="٣")
@example(framework=WITH_MODULE[0], name="a\n", owner="a\n")
@example(framework=WITH_MODULE[0], name="٣", owner="٣")
@settings(max_examples=400, deadline=None)
def test_script_and_generator_decide_alike_on_any_text(framework: str, name: str, owner: str) -> None:
    check_same_decision(framework, name, owner)


def check_refused(repository: Path, *arguments: str, error: list[str], hint: str, **environment: str) -> None:
    """`make rename` prints an error and a hint that contain these texts, and leaves the repository unchanged."""
    before, head = contents(repository), git(repository, "rev-parse", "HEAD")
    changes = git(repository, "status", "--porcelain")
    done = make_rename(repository, *arguments, **environment)
    error_line, hint_line, make_line = done.stderr.splitlines()
    assert error_line.startswith("error: ") and all(text in error_line for text in error), done.stderr
    assert hint_line.startswith("hint: ") and hint in hint_line, done.stderr
    assert make_line.startswith("make: *** ")
    assert (done.returncode, done.stdout) == (2, "")
    assert (contents(repository), git(repository, "rev-parse", "HEAD")) == (before, head)
    assert git(repository, "status", "--porcelain") == changes


def test_invalid_answers_are_refused(tmp_path: Path) -> None:
    repository = copy_starter("with owner", FIRST, tmp_path)
    reserved = sorted(CATALOG[FIRST].reserved_names[0].names)[0]
    check_refused(repository, error=["NAME is missing"], hint="make rename NAME=")
    check_refused(repository, "NAME=", error=["NAME is missing"], hint="make rename NAME=")
    check_refused(repository, error=["NAME is missing"], hint="NAME=", NAME="from-the-environment", OWNER="-")
    check_refused(
        repository, f"NAME={reserved}", error=[repr(reserved)], hint=f"make rename NAME=my-{reserved} OWNER=acme"
    )
    check_refused(repository, "NAME=hello", "OWNER=a_b", error=["'a_b'", *rule_texts(FIRST, "OWNER")], hint="OWNER")


# Names with a meaning in make, in the shell, or as an option, and two that only the rule rejects. The rule itself is
# checked without make above.
@pytest.mark.parametrize(
    "name",
    ["1.tool", "a b", "a:b", "a;b", "a%b", "a#b", "a'b", "$$(id)", "`id`", '"', "-x", "--help", "größe", "a" * 51],
)
def test_invalid_names_reach_the_script_unchanged(tmp_path: Path, name: str) -> None:
    repository = copy_starter("with owner", FIRST, tmp_path)
    error = [repr(name.replace("$$", "$")), CATALOG[FIRST].title, *rule_texts(FIRST, "NAME")]
    check_refused(repository, f"NAME={name}", error=error, hint="make rename NAME=")


def test_uncommitted_changes_are_refused(tmp_path: Path) -> None:
    repository = copy_starter("with owner", FIRST, tmp_path)
    stash = "git stash --include-untracked"
    (repository / "new").touch()
    check_refused(repository, "NAME=hello", error=["uncommitted", "new"], hint=stash)
    git(repository, "add", "new")
    check_refused(repository, "NAME=hello", error=["uncommitted", "new"], hint=stash)
    git(repository, "stash", "--include-untracked")
    (repository / "LICENSE").unlink()
    check_refused(repository, "NAME=hello", error=["uncommitted", "LICENSE"], hint=stash)


def test_build_results_are_no_uncommitted_change(tmp_path: Path) -> None:
    repository = copy_starter("with owner", FIRST, tmp_path)
    (repository / "build").mkdir()
    (repository / "build/program").touch()
    assert make_rename(repository, "NAME=hello").returncode == 0


def test_a_second_rename_is_refused(tmp_path: Path) -> None:
    repository = copy_starter("with owner", FIRST, tmp_path)
    assert make_rename(repository, "NAME=hello").returncode == 0
    assert "No rule to make target 'rename'" in make_rename(repository, "NAME=other").stderr
    git(repository, "checkout", "HEAD~", "--", "tools", "Makefile")
    check_refused(repository, "NAME=other", error=["'hello'"], hint="git rm ")


def test_outside_a_git_repository(ebpf_new: Command, tmp_path: Path) -> None:
    fix = "git init && git add --all && git commit"
    assert ebpf_new("export", "all", "--no-git").returncode == 0
    repository = tmp_path / "all" / f"{FIRST}-starter"
    error, hint, _ = make_rename(repository, "NAME=hello").stderr.splitlines()
    assert error.startswith("error: ") and "fatal: not a git repository" in error
    assert hint.startswith(f"hint: {fix}")
    git(tmp_path, "init", "--quiet")
    error, hint, _ = make_rename(repository, "NAME=hello").stderr.splitlines()
    assert error.endswith(f"{repository} is part of {tmp_path}")
    subprocess.run(["sh", "-c", hint.removeprefix("hint: ") + " -q"], cwd=repository, check=True)
    assert make_rename(repository, "NAME=hello").returncode == 0


def test_without_git(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    paths = (path for directory in reversed(os.get_exec_path()) for path in Path(directory).glob("*"))
    for name, path in {path.name: path for path in paths}.items():
        if not name.startswith("git"):
            (tmp_path / "bin" / name).symlink_to(path)
    repository = copy_starter("with owner", FIRST, tmp_path)
    arguments = ("NAME=hello", f"PYTHON={sys.executable}")
    check_refused(repository, *arguments, error=["git is missing"], hint="install git", PATH=str(tmp_path / "bin"))


def check_undone(repository: Path, command: str) -> None:
    """`git COMMAND` fails during the rename: the error names it, and the repository is unchanged."""
    before, head = contents(repository), git(repository, "rev-parse", "HEAD")
    done = make_rename(repository, "NAME=hello")
    assert f"error: `git {command}` failed" in done.stderr
    assert (contents(repository), git(repository, "rev-parse", "HEAD")) == (before, head)
    assert git(repository, "status", "--porcelain") == ""


def test_a_failed_rename_is_undone(tmp_path: Path, git_config: Path) -> None:
    repository = copy_starter("with owner", FIRST, tmp_path)
    git_config.write_text("[user]\nuseConfigOnly = true\n")
    check_undone(repository, "commit")
    git_config.write_text("[user]\nname = Ada\nemail = ada@example.org\n")
    readme = repository / "README.md"
    readme.write_text(readme.read_text().replace(f"# {FIRST}-starter", "# Mine"))
    git(repository, "commit", "--quiet", "--all", "--message", "Mine")
    check_undone(repository, "apply")


@pytest.mark.parametrize("framework", WITH_MODULE)
def test_the_module_follows_the_owner(tmp_path: Path, framework: str) -> None:
    for kind, arguments, module in (
        ("without owner", [], "example.com/hello"),
        ("without owner", ["OWNER=ada"], "github.com/ada/hello"),
        ("with owner", [], "github.com/acme/hello"),
    ):
        (tmp_path / module).mkdir(parents=True)
        repository = copy_starter(kind, framework, tmp_path / module)
        assert make_rename(repository, "NAME=hello", *arguments).returncode == 0
        assert json.loads((repository / ".ebpf-new.json").read_text())["answers"]["module"] == module


def run_first_workflow(
    kind: str, framework: str, directory: Path, name: str
) -> tuple[subprocess.CompletedProcess[str], Path]:
    """Run the workflow's script in a clone, as GitHub does, and return the result and the remote repository."""
    remote, clone = directory / "remote.git", directory / "clone"
    git(directory, "clone", "--quiet", "--bare", str(starter(kind, framework)), str(remote))
    git(directory, "clone", "--quiet", str(remote), str(clone))
    (job,) = yaml.safe_load((clone / ".github/workflows/first-run.yml").read_text())["jobs"].values()
    (step,) = (step for step in job["steps"] if "run" in step)
    event = {"github.event.repository.name": name, "github.repository_owner": "ada"}
    variables = {key: event[value.removeprefix("${{ ").removesuffix(" }}")] for key, value in step["env"].items()}
    environment = os.environ | variables | {"GITHUB_ACTIONS": "true"}
    (directory / "step.sh").write_text(step["run"])
    subprocess.run(["shellcheck", "--shell=bash", directory / "step.sh"], check=True)
    command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", str(directory / "step.sh")]
    return subprocess.run(command, cwd=clone, env=environment, text=True, capture_output=True, check=False), remote


@pytest.mark.parametrize(("framework", "kind"), list(zip(CATALOG, cycle(KINDS), strict=False)))
def test_the_first_workflow_run_pushes_the_rename(tmp_path: Path, git_config: Path, framework: str, kind: str) -> None:
    git_config.write_text("[user]\nuseConfigOnly = true\n")  # a runner of GitHub has no git identity
    done, remote = run_first_workflow(kind, framework, tmp_path, "My-tool_2")
    assert done.returncode == 0, done.stderr
    git(tmp_path, "clone", "--quiet", str(remote), str(tmp_path / "again"))
    check_renamed(tmp_path / "again", render_renamed(kind, framework, tmp_path, "My-tool_2", "ada"))
    assert git(remote, "log", "-1", "--format=%an %cn") == "github-actions[bot] github-actions[bot]"
    changed = git(remote, "show", "--format=", "--name-status", "HEAD", "--", ".github/workflows").splitlines()
    assert changed == ["D\t.github/workflows/first-run.yml"]


def test_the_first_workflow_run_reports_an_invalid_name_on_one_line(tmp_path: Path) -> None:
    done, remote = run_first_workflow("without owner", FIRST, tmp_path, "1.tool")
    assert done.returncode != 0
    annotation = done.stderr.splitlines()[0]
    assert annotation.startswith("::error::") and "'1.tool'" in annotation
    assert annotation.endswith("make rename NAME=my-1-tool OWNER=ada")
    assert git(remote, "rev-list", "--count", "HEAD") == "1"


def test_the_name_of_every_starter_is_valid(tmp_path: Path) -> None:
    plans = plan_exports(tmp_path, ProjectRequest(tmp_path), CATALOG)
    assert [plan.project.name for plan in plans] == [f"{name}-starter" for name in CATALOG]
