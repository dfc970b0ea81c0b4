# SPDX-License-Identifier: BSD-2-Clause
"""Nothing of the user's is lost, whatever they did between two updates, and what could not be merged is marked."""

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from hypothesis import HealthCheck, Phase, event, example, given, settings
from hypothesis import strategies as st

from scaffold.errors import UsageError
from scaffold.update.checkout import find_checkout
from scaffold.update.merge import Merged, Resolution
from scaffold.update.update import Mode, update_tree
from tests.conftest import git
from tests.render.histories import commit, made_at

# What the templates change, rename, drop and add at 1.1 and 2.0, and what they leave as it is.
PLACES = [
    "Makefile", "README.md", "LICENSE", "src/minimal.bpf.c", ".envrc", "tools/trace.py", "tools/more.py", "tools",
    "docs/old.md", "docs/guide.md", "docs/moved.md", "docs/last.md", "docs/chapter.md", "docs/mine/of my own",
    "NEWS.md", "NEWS.md/within", "extra", "extra/deep/new.txt", "own", "\u110b\u1165 'quoted\" \\",
]  # fmt: skip
RENAMED = {"docs/moved.md": "docs/chapter.md"}  # by the templates, at 2.0
# As the command says, of a whole repository and of a directory in a larger one.
UNDO = ("git reset --hard", "git add --update . && git restore --source=HEAD --staged --worktree .")
MARKS = re.compile(rb"^(<<<<<<< yours|>>>>>>> ebpf-new-)", re.MULTILINE)


Files = dict[str, tuple[str, bytes]]  # the kind of each, and its bytes or where it leads


@dataclass(frozen=True)
class Edit:
    """What the user does to a place; a file that is to be there and is not is passed over."""

    what: str
    place: str
    to: str
    line: int


EDITS = st.builds(
    Edit,
    st.sampled_from(
        ["insert", "insert", "change", "change", "cut", "delete", "rename", "add", "bytes", "mode", "link"]
    ),
    st.sampled_from(PLACES),
    st.sampled_from(PLACES),
    st.sampled_from([0, 3, 7, 8, 9, 11, 12, 19, 30, 39]),
)
ROUNDS = st.lists(
    st.tuples(st.lists(EDITS, max_size=7), st.lists(st.sampled_from(PLACES), max_size=1)), min_size=1, max_size=2
)


@cache
def _trees() -> tempfile.TemporaryDirectory[str]:
    """The project as each version makes it, and a repository of the first; for speed, only what is edited."""
    directory = tempfile.TemporaryDirectory(prefix="trees-")
    for version in ("1.0", "1.1", "2.0"):
        root = made_at(version, Path(directory.name, version, "hello"), with_git=False)
        for name in files(root).keys() - {*PLACES, ".ebpf-new.json"}:
            (root / name).unlink()
    start = Path(directory.name, "start")
    shutil.copytree(tree(Path(directory.name), "1.0"), start)
    git(start, "init", "--quiet", "--template=", "--initial-branch=main")
    git(start, "config", "core.fsync", "none")
    commit(start)
    git(start, "gc", "--quiet")
    return directory


def tree(place: Path, version: str) -> Path:
    return place / version / "hello"


def apply(repository: Path, edit: Edit, mark: str) -> None:
    """Do `edit`; what is written holds `mark`."""
    path, to = repository / edit.place, repository / edit.to
    is_file = path.is_file() and not path.is_symlink()
    if edit.what in ("insert", "change", "cut") and is_file:
        lines = path.read_bytes().splitlines(keepends=True)
        end = edit.line + {"insert": 0, "change": 1, "cut": 3}[edit.what]
        lines[edit.line : end] = [] if edit.what == "cut" else [f"{mark}\n".encode()]
        path.write_bytes(b"".join(lines))
    elif edit.what == "bytes" and is_file:
        path.write_bytes(b"\0\xff\n" + mark.encode() + b"\n")
    elif edit.what == "mode" and is_file:
        path.chmod(path.stat().st_mode ^ 0o111)
    elif edit.what == "delete" and os.path.lexists(path):
        remove(path)
    elif edit.what == "rename" and is_file and free(repository, to):
        to.parent.mkdir(parents=True, exist_ok=True)
        path.rename(to)
    elif edit.what == "add" and free(repository, path):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{mark}\n")
    elif edit.what == "link" and edit.place != edit.to:
        remove(path)
        if free(repository, path):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.symlink_to(mark)


def remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    elif os.path.lexists(path):
        path.unlink()


def free(repository: Path, path: Path) -> bool:
    """Tell whether a file can be made there without another's going."""
    above = [parent for parent in path.parents if parent.is_relative_to(repository)]
    return not os.path.lexists(path) and all(not os.path.lexists(each) or each.is_dir() for each in above)


def files(root: Path) -> Files:
    """Each file below `root`, git's own left out."""
    found = {}
    for parent, directories, names in os.walk(root):
        directories[:] = [name for name in directories if name != ".git"]
        for path in (Path(parent, name) for name in [*names, *directories]):
            if path.is_symlink():
                found[str(path.relative_to(root))] = ("link", os.fsencode(os.readlink(path)))
            elif path.is_file():
                kind = "program" if os.access(path, os.X_OK) else "file"
                found[str(path.relative_to(root))] = (kind, path.read_bytes())
    return found


def branches(repository: Path) -> Files:
    """Where HEAD and each branch are, and have been."""
    return (
        files(repository / ".git/refs") | files(repository / ".git/logs") | {"HEAD": files(repository / ".git")["HEAD"]}
    )


def contents_of(found: Files) -> list[bytes]:
    return [data for _, data in found.values()]


def words_of_mine(contents: Iterable[bytes]) -> set[bytes]:
    return {word for each in contents for word in re.findall(rb"mine-\d+-\d+", each)}


def unmerged_entries(repository: Path) -> list[tuple[str, int, str]]:
    """The path, stage and blob of each file that is not merged."""
    entries = [entry.partition("\t") for entry in git(repository, "ls-files", "--unmerged", "-z").split("\0") if entry]
    return [(path, int(about.split()[2]), about.split()[1]) for about, _, path in entries]


def blob(repository: Path, name: str) -> bytes:
    return subprocess.run(["git", "-C", repository, "cat-file", "blob", name], capture_output=True, check=True).stdout


def check_kept(repository: Path, before: Path, now: Path, mine: Files, there: Files, merged: Merged) -> None:
    """The files of the user, `mine`, live on in those that are `there`, beside what the templates changed."""
    was, new = files(before), files(now)
    entries = unmerged_entries(repository)
    unmerged = {path for path, _, _ in entries}
    # Every word that the user wrote is there, at least in a stage of what is not merged.
    stages = [blob(repository, name) for _, _, name in entries]
    assert words_of_mine(contents_of(mine)) <= words_of_mine([*contents_of(there), *stages])
    # What git could not merge is named, and every file with its marks is.
    assert unmerged == {each.path for each in merged.specials if each.fate is Resolution.CONFLICT}
    assert {path for path, (_, data) in there.items() if MARKS.search(data)} <= unmerged
    gone = was.keys() - mine.keys()  # deleted, or renamed
    assert not (gone & there.keys()) - unmerged, "what the user deleted is back"
    for path in was.keys() & mine.keys() - unmerged:
        if mine[path] == was[path]:
            assert there.get(path) == new.get(path), f"{path} was not the user's, and follows the templates"
        elif was[path] == new.get(path) and not gone:
            assert there.get(path) == mine[path], f"{path} is the user's alone"
    for path in mine.keys() - new.keys():
        if mine[path] != was.get(path):
            places = {path, f"{path}~yours", RENAMED.get(path, path)}
            assert places & there.keys(), f"{path} is the user's, whether the templates have it or not"
    fates = {each.path: each.fate for each in merged.specials}
    for path in gone & new.keys():
        if was[path] != new[path] and not added_elsewhere(mine, was):
            assert fates[path] is Resolution.STAYS_DELETED, f"{path} is deleted, has changed, and is not mentioned"


def added_elsewhere(mine: Files, was: Files) -> bool:
    """Tell whether git may take something new for what was renamed."""
    return bool(mine.keys() - was.keys())


@settings(
    max_examples=200,
    deadline=None,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(ROUNDS, st.sampled_from([True, True, False]))
# The user's rename leads where that of the templates leads, and what those renamed is no text any more: git has one
# of the two in the work tree, and the other in the index.
@example([([Edit("bytes", "docs/moved.md", "", 0), Edit("rename", "docs/old.md", "docs/chapter.md", 0)], [])], True)
def test_nothing_is_lost(rounds: list[tuple[list[Edit], list[str]]], at_once: bool) -> None:
    trees = Path(_trees().name)
    with tempfile.TemporaryDirectory(prefix="case-") as place:
        repository = shutil.copytree(trees / "start", Path(place, "hello"))
        versions = ["1.0", "2.0"] if at_once else ["1.0", "1.1", "2.0"]
        last = len(versions) - 2
        for number, (edits, untracked) in enumerate(rounds[: last + 1]):
            for count, edit in enumerate(edits):
                apply(repository, edit, f"mine-{number}-{count}")
            commit(repository)
            strangers = [name for name in untracked if free(repository, repository / name)]
            for name in strangers:
                apply(repository, Edit("add", name, "", 0), f"mine-{number}-99")
            before, now = tree(trees, versions[number]), tree(trees, versions[number + 1])
            check_round(repository, before, now, strangers, undo=number == last)


def check_round(repository: Path, before: Path, now: Path, strangers: list[str], undo: bool) -> None:
    """Update from `before` to `now`, look at what came out, and undo it or commit it."""
    mine, at = files(repository), branches(repository)

    def merged() -> Merged:
        with tempfile.TemporaryDirectory() as place:
            return update_tree(find_checkout(repository), before, now, now.parent.name, Path(place), Mode.WRITE)

    try:
        done = merged()
    except UsageError as error:
        event("refused")
        assert any(name in str(error) or os.path.dirname(name) in str(error) for name in strangers)
        assert files(repository) == mine
        assert git(repository, "status", "--porcelain", "--untracked-files=no") == ""
        for name in strangers:
            remove(repository / name)
        strangers, mine = [], files(repository)
        done = merged()
    event("conflicts" if done.unmerged else "no conflicts")
    there = files(repository)
    assert branches(repository) == at
    assert {name: there.get(name) for name in strangers} == {name: mine[name] for name in strangers}
    assert not [name for name in there if ".ebpf-new-" in name]
    committed = {name: file for name, file in mine.items() if name not in strangers}
    merged_files = {name: file for name, file in there.items() if name not in strangers}
    check_kept(repository, before, now, committed, merged_files, done)
    if undo:
        subprocess.run(UNDO[len(mine) % 2], shell=True, cwd=repository, check=True, capture_output=True)
        assert files(repository) == mine
    else:
        for name in strangers:
            remove(repository / name)
        for path in {path for path, _, _ in unmerged_entries(repository)} & there.keys():
            if MARKS.search(there[path][1]):  # both sides, one after the other
                (repository / path).write_bytes(re.sub(rb"(?m)^(<{7} |={7}$|>{7} ).*\n?", b"", there[path][1]))
        commit(repository)
