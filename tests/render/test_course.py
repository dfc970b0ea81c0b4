# SPDX-License-Identifier: BSD-2-Clause
"""The repositories of a course: the same as one by one, kept, and there after whatever interruption."""

import fcntl
import json
import os
import pty
import re
import select
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from scaffold.course.entry import Entry
from scaffold.course.index import INDEX_CSV, INDEX_MARKDOWN, read_index
from scaffold.course.make import make_course
from scaffold.course.plan import plan_course
from scaffold.course.roster import RosterOptions, read_roster
from scaffold.course.table import read_table
from scaffold.project.request import ProjectRequest
from tests.conftest import Command, git
from tests.render.linters import accepted
from tests.render.starters import modes
from tests.render.test_workflows import LINTERS, Linter
from tests.render.trees import CATALOG, contents
from tests.render.workflow_rules import broken_rules

FIRST = next(iter(CATALOG))
HEADER = "id,framework,First name,Surname,email,owner,licence,description"
PATTERNS = ("--name-pattern", "lab-{id}", "--column", "author={First name} {Surname}")
ROWS = 1000
SECONDS = 300  # for a thousand, on a machine that has much else to do


def roster(tmp_path: Path, *rows: str, header: str = HEADER) -> str:
    path = tmp_path / "roster.csv"
    path.write_text("\n".join([header, *rows]) + "\n")
    return str(path)


def one_of_each(tmp_path: Path) -> str:
    return roster(tmp_path, *(f"{name},{name},Ada,Byron {{{{ x }}}},ada@x.org,acme,MIT,A lab" for name in CATALOG))


def statuses(course: Path) -> dict[str, str]:
    return {entry.name: entry.status for entry in read_index(course)}


def commit_of(repository: Path) -> str:
    """The commit as git stores it, but for the moment."""
    return re.sub(r"> \d+ ", "> MOMENT ", git(repository, "cat-file", "commit", "HEAD"))


def test_each_is_what_the_command_makes_of_the_same_answers(ebpf_new: Command, tmp_path: Path) -> None:
    done = ebpf_new("course", "new", one_of_each(tmp_path), "-o", "course", *PATTERNS, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    found = json.loads(done.stdout)
    assert (found["path"], found["counts"]) == (str(tmp_path / "course"), {"made": len(CATALOG)})
    for name, entry in zip(CATALOG, found["repositories"], strict=True):
        answers = ["--author", "Ada Byron {{ x }}", "--email", "ada@x.org", "--owner", "acme", "--license", "MIT"]
        alone = ebpf_new(f"lab-{name}", "-f", name, *answers, "--description", "A lab")
        assert alone.returncode == 0, alone.stderr
        one, other = tmp_path / f"lab-{name}", tmp_path / "course" / f"lab-{name}"
        assert contents(one) == contents(other)
        assert modes(one) == modes(other)
        assert commit_of(one) == commit_of(other)
        assert git(one, "config", "--local", "--list") == git(other, "config", "--local", "--list")
        assert git(one, "ls-files", "--stage") == git(other, "ls-files", "--stage")
        assert (git(other, "status", "--porcelain"), git(other, "fsck", "--strict")) == ("", "")
        assert git(other, "branch", "--show-current") == git(one, "branch", "--show-current")
        assert not list(other.rglob("alternates")) and all(path.stat().st_nlink == 1 for path in files(other))
        assert (entry["commit"], entry["status"]) == (git(other, "rev-parse", "HEAD"), "made")
    assert [each for each in os.listdir(tmp_path / "course") if each.startswith(".")] == []


def files(root: Path) -> list[Path]:
    return [path for path in root.rglob("*") if path.is_file()]


def test_what_is_there_is_kept(ebpf_new: Command, tmp_path: Path) -> None:
    arguments = ("course", "new", one_of_each(tmp_path), "-o", "course", *PATTERNS)
    assert ebpf_new(*arguments).returncode == 0
    course, (kept, *_) = tmp_path / "course", [f"lab-{name}" for name in CATALOG]
    (course / kept / "README.md").write_text("mine")
    git(course / kept, "commit", "--quiet", "--all", "--message", "Mine")
    roster(tmp_path, f"{FIRST},{FIRST},Ada,Byron,,,,", f"new,{FIRST},Eve,Byron,,,,")
    done = ebpf_new(*arguments)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"Created 1 repository and kept 1 in {course}." in done.stdout
    assert f"Not in this roster: {len(CATALOG) - 1} repositories" in done.stdout
    assert (course / kept / "README.md").read_text() == "mine"
    found = {entry.name: entry for entry in read_index(course)}
    assert found[kept].commit == git(course / kept, "rev-parse", "HEAD")
    assert {name: entry.status for name, entry in found.items()} == {
        kept: "kept", "lab-new": "made", **{f"lab-{name}": "other" for name in list(CATALOG)[1:]},
    }  # fmt: skip
    assert [(entry.row, entry.author) for entry in found.values()][:2] == [(2, "Ada Byron"), (3, "Eve Byron")]


def test_nothing_is_written_for_a_bad_roster_or_a_trial(ebpf_new: Command, tmp_path: Path) -> None:
    bad = roster(tmp_path, *(f"{number},nosuch,,,,,," for number in range(120)))
    done = ebpf_new("course", "new", bad, "-o", "course", *PATTERNS)
    assert (done.returncode, done.stdout) == (2, "")
    said = done.stderr.splitlines()
    assert said[0] == "ebpf-new: nothing was made:"
    assert said[1].startswith(f"  {bad}, line 2, column 'framework': there is no 'nosuch'; allowed is {FIRST} | ")
    assert (len(said), said[-1]) == (52, "  and 70 more")
    trial = ebpf_new("course", "new", one_of_each(tmp_path), "-o", "course", *PATTERNS, "--dry-run")
    assert trial.stdout.startswith(f"lab-{FIRST} ({FIRST}): ")
    as_json = ebpf_new("course", "new", one_of_each(tmp_path), "-o", "course", *PATTERNS, "--dry-run", "--json")
    assert json.loads(as_json.stdout)["counts"] == {"missing": len(CATALOG)}
    assert not (tmp_path / "course").exists()


def test_a_roster_from_a_pipe(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "scaffold", "course", "new", "-", "--format", "toml", "-o", "a/b", "--no-git"]
    text = f'[[project]]\nname = "one"\nframework = "{FIRST}"\n'
    subprocess.run(command, cwd=tmp_path, input=text, text=True, check=True, capture_output=True)
    assert statuses(tmp_path / "a/b") == {"one": "made"}
    assert (tmp_path / "a/b/one/Makefile").exists() and not (tmp_path / "a/b/one/.git").exists()


def started(tmp_path: Path, rows: int, *options: str) -> subprocess.Popen[str]:
    path = roster(tmp_path, *(f"lab-{number}" for number in range(rows)), header="name")
    command = [sys.executable, "-m", "scaffold", "course", "new", path, "-o", "course", "-f", FIRST, *options]
    return subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def wait_for(course: Path, number: int) -> None:
    """Wait until so many repositories are there."""
    deadline = time.monotonic() + SECONDS
    while len(list(course.glob("lab-*"))) < number:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_thousand_rows_and_a_run_that_is_killed(tmp_path: Path) -> None:
    """Without git, which has tests of its own here: with it this would take twice as long."""
    course = tmp_path / "course"
    first = started(tmp_path, ROWS, "--no-git")
    wait_for(course, 1)
    first.kill()
    first.communicate()
    before = {path.name: path.stat().st_ino for path in course.glob("lab-*")}
    assert 0 < len(before) < ROWS, "it was not killed in the midst of it"
    assert not (course / INDEX_CSV).exists()
    second = started(tmp_path, ROWS, "--no-git")
    said, complaints = second.communicate(timeout=SECONDS)
    assert (second.returncode, complaints) == (0, "")
    assert f"Created {ROWS - len(before)} repositories and kept {len(before)} in {course}." in said
    after = {path.name: path.stat().st_ino for path in course.glob("lab-*")}
    assert before.items() <= after.items()
    assert sorted(os.listdir(course)) == sorted(
        [INDEX_CSV, INDEX_MARKDOWN, *(f"lab-{number}" for number in range(ROWS))]
    )
    assert {len(files(path)) for path in course.glob("lab-*")} == {len(files(course / "lab-0"))}
    entries = read_index(course)
    assert [(entry.row, entry.name) for entry in entries] == [(n + 2, f"lab-{n}") for n in range(ROWS)]
    assert {entry.name for entry in entries if entry.status == "kept"} == before.keys()
    shutil.rmtree(course)  # 350 MB, which pytest would keep


@pytest.mark.parametrize(("sent", "options"), [(signal.SIGINT, []), (signal.SIGTERM, ["--no-git"])])
def test_a_run_that_is_stopped_leaves_an_index(tmp_path: Path, sent: signal.Signals, options: list[str]) -> None:
    course = tmp_path / "course"
    run = started(tmp_path, 160, *options)
    wait_for(course, 1)
    run.send_signal(sent)
    said, complaints = run.communicate(timeout=SECONDS)
    assert (run.returncode, said) == (128 + sent, "")
    there = {path.name for path in course.glob("lab-*")}
    found = re.fullmatch(r"ebpf-new: stopped after (\d+) of 160 repositories;.*\n", complaints)
    assert found and int(found[1]) == len(there) < 160
    entries = read_index(course)
    assert {entry.name for entry in entries if entry.status == "made"} == there
    assert len(entries) == 160 and {entry.status for entry in entries} == {"made", "missing"}
    assert sorted(path.name for path in course.iterdir() if not path.name.startswith("lab-")) == [
        INDEX_CSV,
        INDEX_MARKDOWN,
    ]
    for name in [] if options else sorted(there)[:: len(there) // 5]:
        assert git(course / name, "status", "--porcelain") == ""


def test_only_one_run_at_a_time(ebpf_new: Command, tmp_path: Path) -> None:
    path = roster(tmp_path, "one", header="name")
    arguments = ("course", "new", path, "-o", "course", "-f", FIRST, "--no-git")
    (tmp_path / "course").mkdir()
    lock = os.open(tmp_path / "course", os.O_RDONLY)
    fcntl.flock(lock, fcntl.LOCK_EX)
    done = ebpf_new(*arguments)
    assert done.returncode == 2 and f"another ebpf-new is at work in {tmp_path / 'course'}; wait" in done.stderr
    assert os.listdir(tmp_path / "course") == []
    os.close(lock)
    assert ebpf_new(*arguments).returncode == 0


def test_what_another_run_made_meanwhile_is_kept(tmp_path: Path) -> None:
    read = read_roster(read_table(Path(roster(tmp_path, "one", "two", header="name"))), RosterOptions())
    plans = [
        plan_course(read, tmp_path / "course", ProjectRequest(tmp_path, FIRST, git=False), CATALOG) for _ in range(2)
    ]
    made: list[str] = []
    for plan in plans:
        make_course(plan, lambda each: made.append(each.plan.project.name))
    assert sorted(made) == ["one", "two"]
    assert statuses(tmp_path / "course") == {"one": "kept", "two": "kept"}


def test_a_bar_on_a_terminal(tmp_path: Path) -> None:
    path = roster(tmp_path, "one", "two", header="name")
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(tmp_path)
        command = [sys.executable, "-m", "scaffold", "course", "new", path, "-o", "course", "-f", FIRST, "--no-git"]
        os.execv(sys.executable, command)
    shown = b""
    while select.select([terminal], [], [], 60)[0]:
        try:
            shown += os.read(terminal, 4096)
        except OSError:
            break
    os.close(terminal)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert b"2/2" in shown and b"Created 2 repositories" in shown


@pytest.fixture(scope="module")
def classroom(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The .github of a repository that was made for GitHub Classroom."""
    place = tmp_path_factory.mktemp("classroom")
    path = roster(place, "lab-1", header="name")
    options = ["-o", str(place / "course"), "-f", FIRST, "--license", "MIT", "--classroom", "--no-git"]
    subprocess.run([sys.executable, "-m", "scaffold", "course", "new", path, *options], check=True)
    return place / "course/lab-1/.github"


@pytest.mark.parametrize("linter", LINTERS)
def test_the_linters_find_nothing_in_the_classroom_workflow(classroom: Path, linter: Linter) -> None:
    assert (classroom / "workflows/classroom.yml").exists()
    accepted(linter(classroom))


def test_the_classroom_workflow_runs_the_test_and_reports_points(classroom: Path) -> None:
    workflow = classroom / "workflows/classroom.yml"
    assert broken_rules(workflow) == []
    assert workflow.read_text().startswith("# SPDX-License-Identifier: MIT\n")
    parsed = yaml.safe_load(workflow.read_text())
    assert (parsed["name"], list(parsed["jobs"])) == ("Autograding Tests", ["run-autograding-tests"])
    *_, test, points = parsed["jobs"]["run-autograding-tests"]["steps"]
    printed = subprocess.run(
        ["make", "-C", classroom.parent, "-n", "DOCKER=docker", *test["run"].split()[1:]],
        check=True, text=True, capture_output=True,
    ).stdout  # fmt: skip
    assert re.search(r"docker run .*-dev make test$", printed.replace("\\\n", ""), re.MULTILINE)
    done = subprocess.run(
        ["bash", "-e", "-c", points["run"]], check=True, text=True, capture_output=True,
        env={**os.environ, "POINTS": "100"},
    )  # fmt: skip
    complete, report = done.stdout.splitlines()
    assert complete == "::notice title=Autograding complete::Points 100/100"
    assert json.loads(report.partition("report::")[2]) == {"totalPoints": 100, "maxPoints": 100}


def test_the_classroom_workflow_is_committed(ebpf_new: Command, tmp_path: Path) -> None:
    path = roster(tmp_path, "lab-1", header="name")
    assert ebpf_new("course", "new", path, "-o", "course", "-f", FIRST, "--classroom").returncode == 0
    assert git(tmp_path / "course/lab-1", "status", "--porcelain") == ""
    assert ".github/workflows/classroom.yml" in git(tmp_path / "course/lab-1", "ls-files")


def test_the_commands_of_the_page_push_every_repository(ebpf_new: Command, tmp_path: Path) -> None:
    """The second recipe, with directories of this machine in the place of GitHub."""
    path = roster(tmp_path, "lab-1,acme", "lab-2,", header="name,owner")
    assert ebpf_new("course", "new", path, "-o", "course", "-f", FIRST).returncode == 0
    recipes = re.findall(r"```sh\n(.*?)```", (tmp_path / "course" / INDEX_MARKDOWN).read_text(), re.DOTALL)
    for owner, name in (("acme", "lab-1"), ("OWNER", "lab-2")):
        git(tmp_path, "init", "--quiet", "--bare", f"hub/{owner}/{name}.git")
    script = recipes[1].replace("https://github.com", str(tmp_path / "hub"))
    subprocess.run(["sh", "-e", "-c", script], cwd=tmp_path / "course", check=True, capture_output=True)
    found: dict[str, Entry] = {entry.name: entry for entry in read_index(tmp_path / "course")}
    assert git(tmp_path / "hub/acme/lab-1.git", "rev-parse", "main") == found["lab-1"].commit
    assert git(tmp_path / "hub/OWNER/lab-2.git", "rev-parse", "main") == found["lab-2"].commit
