# SPDX-License-Identifier: BSD-2-Clause
"""`ebpf-new course new`: the same repositories as one by one, kept on the next run, complete after an interruption."""

import fcntl
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from scaffold.course.index import INDEX_CSV, INDEX_MARKDOWN, read_index
from scaffold.course.make import make_course
from scaffold.course.plan import Course, plan_course
from scaffold.course.roster import RosterOptions, read_roster
from scaffold.course.table import read_table
from scaffold.errors import UsageError
from scaffold.project.request import ProjectRequest
from tests.conftest import Command, git
from tests.render.linters import assert_accepts
from tests.render.starters import modes
from tests.render.terminal import run_in_terminal
from tests.render.test_workflows import LINTERS, Linter
from tests.render.trees import CATALOG, contents
from tests.render.workflow_rules import broken_rules

FIRST = next(iter(CATALOG))
HEADER = "id,framework,First name,Surname,email,owner,licence,description"
PATTERNS = ("--name-pattern", "lab-{id}", "--column", "author={First name} {Surname}")
ROWS = 120  # several batches, so that a run can be interrupted after the first one
MAX_SECONDS = 300  # for a course, on a busy machine


def roster(tmp_path: Path, *rows: str, header: str = HEADER) -> str:
    path = tmp_path / "roster.csv"
    path.write_text("\n".join([header, *rows]) + "\n")
    return str(path)


def one_of_each(tmp_path: Path) -> str:
    return roster(tmp_path, *(f"{name},{name},Ada,Byron {{{{ x }}}},ada@x.org,acme,MIT,A lab" for name in CATALOG))


def statuses(course: Path) -> dict[str, str]:
    return {entry.name: entry.status for entry in read_index(course)}


def commit_without_time(repository: Path) -> str:
    """Return the commit at HEAD as git stores it, with the same time in all repositories."""
    return re.sub(r"> \d+ ", "> TIME ", git(repository, "cat-file", "commit", "HEAD"))


def test_same_repositories_as_one_by_one(ebpf_new: Command, tmp_path: Path) -> None:
    done = ebpf_new("course", "new", one_of_each(tmp_path), "-o", "course", *PATTERNS, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    output = json.loads(done.stdout)
    assert (output["path"], output["counts"]) == (str(tmp_path / "course"), {"made": len(CATALOG)})
    for name, entry in zip(CATALOG, output["repositories"], strict=True):
        answers = ["--author", "Ada Byron {{ x }}", "--email", "ada@x.org", "--owner", "acme", "--license", "MIT"]
        single = ebpf_new(f"lab-{name}", "-f", name, *answers, "--description", "A lab")
        assert single.returncode == 0, single.stderr
        expected, repository = tmp_path / f"lab-{name}", tmp_path / "course" / f"lab-{name}"
        assert contents(repository) == contents(expected)
        assert modes(repository) == modes(expected)
        assert commit_without_time(repository) == commit_without_time(expected)
        for query in (("config", "--local", "--list"), ("ls-files", "--stage"), ("branch", "--show-current")):
            assert git(repository, *query) == git(expected, *query)
        assert (git(repository, "status", "--porcelain"), git(repository, "fsck", "--strict")) == ("", "")
        assert not list(repository.rglob("alternates"))
        assert all(path.stat().st_nlink == 1 for path in files(repository))
        assert (entry["commit"], entry["status"]) == (git(repository, "rev-parse", "HEAD"), "made")
    assert [name for name in os.listdir(tmp_path / "course") if name.startswith(".")] == []


def files(root: Path) -> list[Path]:
    return [path for path in root.rglob("*") if path.is_file()]


def test_existing_repositories_are_kept(ebpf_new: Command, tmp_path: Path) -> None:
    arguments = ("course", "new", one_of_each(tmp_path), "-o", "course", *PATTERNS)
    assert ebpf_new(*arguments).returncode == 0
    course, (kept, *_) = tmp_path / "course", [f"lab-{name}" for name in CATALOG]
    (course / kept / "README.md").write_text("mine")
    git(course / kept, "commit", "--quiet", "--all", "--message", "Mine")
    roster(tmp_path, f"{FIRST},{FIRST},Ada,Byron,,,,", f"new,{FIRST},Eve,Byron,,,,")
    done = ebpf_new(*arguments)
    assert (done.returncode, done.stderr) == (0, "")
    summary, others, *_ = done.stdout.splitlines()
    assert re.search(rf"\b1 repository\b.*\b1\b.* in {re.escape(str(course))}\.$", summary)
    assert f" {len(CATALOG) - 1} repositories" in others
    assert (course / kept / "README.md").read_text() == "mine"
    entries = {entry.name: entry for entry in read_index(course)}
    assert entries[kept].commit == git(course / kept, "rev-parse", "HEAD")
    assert statuses(course) == {
        kept: "kept", "lab-new": "made", **{f"lab-{name}": "other" for name in list(CATALOG)[1:]},
    }  # fmt: skip
    assert [(entry.row, entry.author) for entry in entries.values()][:2] == [(2, "Ada Byron"), (3, "Eve Byron")]


def test_invalid_roster_writes_nothing(ebpf_new: Command, tmp_path: Path) -> None:
    invalid = roster(tmp_path, *(f"{number},nosuch,,,,,," for number in range(120)))
    done = ebpf_new("course", "new", invalid, "-o", "course", *PATTERNS)
    assert (done.returncode, done.stdout) == (2, "")
    first, *others = [line for line in done.stderr.splitlines() if "column 'framework'" in line]
    assert first.startswith(f"  {invalid}, line 2, column 'framework': ") and "'nosuch'" in first
    assert all(name in first for name in CATALOG)
    assert len(others) == 49 and "70 more" in done.stderr.splitlines()[-1]
    assert not (tmp_path / "course").exists()


def test_dry_run_writes_nothing(ebpf_new: Command, tmp_path: Path) -> None:
    arguments = ("course", "new", one_of_each(tmp_path), "-o", "course", *PATTERNS, "--dry-run")
    assert ebpf_new(*arguments).stdout.startswith(f"lab-{FIRST} ({FIRST})")
    assert json.loads(ebpf_new(*arguments, "--json").stdout)["counts"] == {"missing": len(CATALOG)}
    assert not (tmp_path / "course").exists()


def test_roster_on_stdin(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "scaffold", "course", "new", "-", "--format", "toml", "-o", "a/b", "--no-git"]
    text = f'[[project]]\nname = "one"\nframework = "{FIRST}"\n'
    subprocess.run(command, cwd=tmp_path, input=text, text=True, check=True, capture_output=True)
    assert statuses(tmp_path / "a/b") == {"one": "made"}
    assert (tmp_path / "a/b/one/Makefile").exists() and not (tmp_path / "a/b/one/.git").exists()


def start(tmp_path: Path, *options: str) -> subprocess.Popen[str]:
    """Start the command for a course of ROWS repositories."""
    path = roster(tmp_path, *(f"lab-{number}" for number in range(ROWS)), header="name")
    command = [sys.executable, "-m", "scaffold", "course", "new", path, "-o", "course", "-f", FIRST, *options]
    return subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def wait_for_repository(course: Path) -> None:
    """Wait until the first repository exists."""
    deadline = time.monotonic() + MAX_SECONDS
    while not any(course.glob("lab-*")):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_next_run_completes_the_course_of_a_killed_run(tmp_path: Path) -> None:
    """This runs without git, which takes most of the time and has its own tests."""
    course = tmp_path / "course"
    first = start(tmp_path, "--no-git")
    wait_for_repository(course)
    first.kill()
    first.communicate()
    before = {path.name: path.stat().st_ino for path in course.glob("lab-*")}
    assert 0 < len(before) < ROWS, "the first run ended before it was killed"
    assert not (course / INDEX_CSV).exists()
    second = start(tmp_path, "--no-git", "--json")
    stdout, stderr = second.communicate(timeout=MAX_SECONDS)
    assert (second.returncode, stderr) == (0, "")
    assert json.loads(stdout)["counts"] == {"made": ROWS - len(before), "kept": len(before)}
    after = {path.name: path.stat().st_ino for path in course.glob("lab-*")}
    assert before.items() <= after.items()
    assert sorted(os.listdir(course)) == sorted(
        [INDEX_CSV, INDEX_MARKDOWN, *(f"lab-{number}" for number in range(ROWS))]
    )
    assert {len(files(path)) for path in course.glob("lab-*")} == {len(files(course / "lab-0"))}
    entries = read_index(course)
    assert [(entry.row, entry.name) for entry in entries] == [(n + 2, f"lab-{n}") for n in range(ROWS)]
    assert {entry.name for entry in entries if entry.status == "kept"} == before.keys()
    shutil.rmtree(course)  # 40 MB, which pytest would keep


@pytest.mark.parametrize(("signum", "options"), [(signal.SIGINT, []), (signal.SIGTERM, ["--no-git"])])
def test_interrupted_run_writes_the_index(tmp_path: Path, signum: signal.Signals, options: list[str]) -> None:
    course = tmp_path / "course"
    run = start(tmp_path, *options)
    wait_for_repository(course)
    run.send_signal(signum)
    stdout, stderr = run.communicate(timeout=MAX_SECONDS)
    assert (run.returncode, stdout) == (128 + signum, "")
    existing = {path.name for path in course.glob("lab-*")}
    progress = re.fullmatch(rf"ebpf-new: stopped after (\d+) of {ROWS}\b.*\n", stderr)
    assert progress and int(progress[1]) == len(existing) < ROWS
    entries = read_index(course)
    assert {entry.name for entry in entries if entry.status == "made"} == existing
    assert len(entries) == ROWS and {entry.status for entry in entries} == {"made", "missing"}
    assert {path.name for path in course.iterdir()} - existing == {INDEX_CSV, INDEX_MARKDOWN}
    for name in [] if options else sorted(existing)[:: len(existing) // 5]:
        assert git(course / name, "status", "--porcelain") == ""


def plan(tmp_path: Path, *names: str) -> Course:
    rows = read_roster(read_table(Path(roster(tmp_path, *names, header="name"))), RosterOptions())
    return plan_course(rows, tmp_path / "course", ProjectRequest(tmp_path, FIRST, git=False), CATALOG)


def created(course: Course) -> list[str]:
    """Create the missing repositories of `course`, and return their names."""
    names: list[str] = []
    make_course(course, lambda repository: names.append(repository.plan.project.name))
    return names


def test_second_run_on_the_same_course_fails(tmp_path: Path) -> None:
    course = plan(tmp_path, "one")
    course.directory.mkdir()
    lock = os.open(course.directory, os.O_RDONLY)
    fcntl.flock(lock, fcntl.LOCK_EX)
    with pytest.raises(UsageError, match=f"another ebpf-new .* {re.escape(str(course.directory))}"):
        created(course)
    assert os.listdir(course.directory) == []
    os.close(lock)
    assert created(course) == ["one"]


def test_repositories_of_another_run_are_kept(tmp_path: Path) -> None:
    first, second = plan(tmp_path, "one", "two"), plan(tmp_path, "one", "two")
    assert sorted(created(first)) == ["one", "two"]
    assert created(second) == []
    assert statuses(tmp_path / "course") == {"one": "kept", "two": "kept"}


def test_progress_bar_on_a_terminal(tmp_path: Path) -> None:
    path = roster(tmp_path, "one", "two", header="name")
    arguments = ("course", "new", path, "-o", "course", "-f", FIRST, "--no-git")
    status, output = run_in_terminal(tmp_path, *arguments)
    assert status == 0
    assert "2/2" in output and "2 repositories" in output


@pytest.fixture(scope="module")
def classroom(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the directory .github of a repository for GitHub Classroom."""
    directory = tmp_path_factory.mktemp("classroom")
    path = roster(directory, "lab-1", header="name")
    options = ["-o", str(directory / "course"), "-f", FIRST, "--license", "MIT", "--classroom", "--no-git"]
    subprocess.run([sys.executable, "-m", "scaffold", "course", "new", path, *options], check=True)
    return directory / "course/lab-1/.github"


@pytest.mark.parametrize("linter", LINTERS)
def test_linters_accept_the_classroom_workflow(classroom: Path, linter: Linter) -> None:
    assert (classroom / "workflows/classroom.yml").exists()
    assert_accepts(linter(classroom))


def test_classroom_workflow_runs_the_test_and_reports_points(classroom: Path) -> None:
    workflow = classroom / "workflows/classroom.yml"
    assert broken_rules(workflow) == []
    assert workflow.read_text().startswith("# SPDX-License-Identifier: MIT\n")
    parsed = yaml.safe_load(workflow.read_text())
    assert (parsed["name"], list(parsed["jobs"])) == ("Autograding Tests", ["run-autograding-tests"])
    *_, test, points = parsed["jobs"]["run-autograding-tests"]["steps"]
    commands = subprocess.run(
        ["make", "-C", classroom.parent, "-n", "DOCKER=docker", *test["run"].split()[1:]],
        check=True, text=True, capture_output=True,
    ).stdout  # fmt: skip
    assert re.search(r"docker run .*-dev make test$", commands.replace("\\\n", ""), re.MULTILINE)
    done = subprocess.run(
        ["bash", "-e", "-c", points["run"]], check=True, text=True, capture_output=True,
        env={**os.environ, "POINTS": "100"},
    )  # fmt: skip
    complete, report = done.stdout.splitlines()
    assert complete == "::notice title=Autograding complete::Points 100/100"
    assert json.loads(report.partition("report::")[2]) == {"totalPoints": 100, "maxPoints": 100}


def test_classroom_workflow_is_committed(ebpf_new: Command, tmp_path: Path) -> None:
    path = roster(tmp_path, "lab-1", header="name")
    assert ebpf_new("course", "new", path, "-o", "course", "-f", FIRST, "--classroom").returncode == 0
    assert git(tmp_path / "course/lab-1", "status", "--porcelain") == ""
    assert ".github/workflows/classroom.yml" in git(tmp_path / "course/lab-1", "ls-files")


def test_push_commands_of_the_index(ebpf_new: Command, tmp_path: Path) -> None:
    """The commands without gh push every repository. Local directories replace GitHub."""
    path = roster(tmp_path, "lab-1,acme", "lab-2,", header="name,owner")
    assert ebpf_new("course", "new", path, "-o", "course", "-f", FIRST).returncode == 0
    blocks = re.findall(r"```sh\n(.*?)```", (tmp_path / "course" / INDEX_MARKDOWN).read_text(), re.DOTALL)
    for owner, name in (("acme", "lab-1"), ("OWNER", "lab-2")):
        git(tmp_path, "init", "--quiet", "--bare", f"hub/{owner}/{name}.git")
    script = blocks[1].replace("https://github.com", str(tmp_path / "hub"))
    subprocess.run(["sh", "-e", "-c", script], cwd=tmp_path / "course", check=True, capture_output=True)
    commits = {entry.name: entry.commit for entry in read_index(tmp_path / "course")}
    assert git(tmp_path / "hub/acme/lab-1.git", "rev-parse", "main") == commits["lab-1"]
    assert git(tmp_path / "hub/OWNER/lab-2.git", "rev-parse", "main") == commits["lab-2"]
