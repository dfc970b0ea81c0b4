# SPDX-License-Identifier: BSD-2-Clause
"""A property of every update: no edit of the user is lost, and every conflict is marked and reported."""

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
from scaffold.update.merge import MergeResult, Resolution
from scaffold.update.update import Mode, update_tree
from tests.conftest import git
from tests.render.histories import commit_all, create_at

# Paths that the templates change, rename, drop and add at 1.1 and 2.0, and paths that they do not change.
PATHS = [
    "Makefile", "README.md", "LICENSE", "src/minimal.bpf.c", ".envrc", "tools/trace.py", "tools/more.py", "tools",
    "docs/old.md", "docs/guide.md", "docs/moved.md", "docs/last.md", "docs/chapter.md", "docs/mine/of my own",
    "NEWS.md", "NEWS.md/within", "extra", "extra/deep/new.txt", "own", "\u110b\u1165 'quoted\" \\",
]  # fmt: skip
RENAMED = {"docs/moved.md": "docs/chapter.md"}  # by the templates, at 2.0
# The commands that ebpf-new prints for a whole repository, and for a directory in a larger one.
UNDO = ("git reset --hard", "git add --update . && git restore --source=HEAD --staged --worktree .")
# The examples make and remove thousands of directories, which a disk under load does slowly.
MEMORY = Path("/dev/shm")
TEMPORARY = MEMORY if os.access(MEMORY, os.W_OK) else None
MARKERS = re.compile(rb"^(<<<<<<< yours|>>>>>>> ebpf-new-)", re.MULTILINE)

Files = dict[str, tuple[str, bytes]]  # the kind of each file, and its content or the target of the link


@dataclass(frozen=True)
class Edit:
    """An edit of the user at `path`. An edit that needs an existing file does nothing if there is none."""

    kind: str
    path: str
    to: str
    line: int


EDITS = st.builds(
    Edit,
    st.sampled_from(
        ["insert", "insert", "change", "change", "cut", "delete", "rename", "add", "bytes", "mode", "link"]
    ),
    st.sampled_from(PATHS),
    st.sampled_from(PATHS),
    st.sampled_from([0, 3, 7, 8, 9, 11, 12, 19, 30, 39]),
)
ROUNDS = st.lists(
    st.tuples(st.lists(EDITS, max_size=7), st.lists(st.sampled_from(PATHS), max_size=1)), min_size=1, max_size=2
)


@cache
def _trees() -> tempfile.TemporaryDirectory[str]:
    """Create the project at each version, and a repository of the first, with only the files that may be edited."""
    directory = tempfile.TemporaryDirectory(prefix="trees-", dir=TEMPORARY)
    for version in ("1.0", "1.1", "2.0"):
        root = create_at(version, Path(directory.name, version, "hello"), with_git=False)
        for name in files(root).keys() - {*PATHS, ".ebpf-new.json"}:
            (root / name).unlink()
    start = Path(directory.name, "start")
    shutil.copytree(tree(Path(directory.name), "1.0"), start)
    git(start, "init", "--quiet", "--template=", "--initial-branch=main")
    git(start, "config", "core.fsync", "none")
    commit_all(start)
    git(start, "gc", "--quiet")
    return directory


def tree(directory: Path, version: str) -> Path:
    return directory / version / "hello"


def apply(repository: Path, edit: Edit, mark: str) -> None:
    """Do `edit`. Whatever it writes contains `mark`."""
    path, to = repository / edit.path, repository / edit.to
    is_file = path.is_file() and not path.is_symlink()
    if edit.kind in ("insert", "change", "cut") and is_file:
        lines = path.read_bytes().splitlines(keepends=True)
        end = edit.line + {"insert": 0, "change": 1, "cut": 3}[edit.kind]
        lines[edit.line : end] = [] if edit.kind == "cut" else [f"{mark}\n".encode()]
        path.write_bytes(b"".join(lines))
    elif edit.kind == "bytes" and is_file:
        path.write_bytes(b"\0\xff\n" + mark.encode() + b"\n")
    elif edit.kind == "mode" and is_file:
        path.chmod(path.stat().st_mode ^ 0o111)
    elif edit.kind == "delete" and os.path.lexists(path):
        remove(path)
    elif edit.kind == "rename" and is_file and is_free(repository, to):
        to.parent.mkdir(parents=True, exist_ok=True)
        path.rename(to)
    elif edit.kind == "add" and is_free(repository, path):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{mark}\n")
    elif edit.kind == "link" and edit.path != edit.to:
        remove(path)
        if is_free(repository, path):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.symlink_to(mark)


def remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    elif os.path.lexists(path):
        path.unlink()


def is_free(repository: Path, path: Path) -> bool:
    """Return whether a file can be created at `path` without removing another one."""
    parents = [parent for parent in path.parents if parent.is_relative_to(repository)]
    return not os.path.lexists(path) and all(not os.path.lexists(parent) or parent.is_dir() for parent in parents)


def files(root: Path) -> Files:
    """Return each file and link below `root`, without those of git."""
    result = {}
    for parent, directories, names in os.walk(root):
        directories[:] = [name for name in directories if name != ".git"]
        for path in (Path(parent, name) for name in [*names, *directories]):
            if path.is_symlink():
                result[str(path.relative_to(root))] = ("link", os.fsencode(os.readlink(path)))
            elif path.is_file():
                kind = "program" if os.access(path, os.X_OK) else "file"
                result[str(path.relative_to(root))] = (kind, path.read_bytes())
    return result


def branches(repository: Path) -> Files:
    """Return HEAD, the branches and their logs."""
    return (
        files(repository / ".git/refs") | files(repository / ".git/logs") | {"HEAD": files(repository / ".git")["HEAD"]}
    )


def contents_of(files: Files) -> list[bytes]:
    return [data for _, data in files.values()]


def user_marks(contents: Iterable[bytes]) -> set[bytes]:
    return {mark for content in contents for mark in re.findall(rb"mine-\d+-\d+", content)}


def unmerged_entries(repository: Path) -> list[tuple[str, int, str]]:
    """Return the path, stage and blob of each unmerged entry of the index."""
    entries = [entry.partition("\t") for entry in git(repository, "ls-files", "--unmerged", "-z").split("\0") if entry]
    return [(path, int(columns.split()[2]), columns.split()[1]) for columns, _, path in entries]


def blob(repository: Path, name: str) -> bytes:
    return subprocess.run(["git", "-C", repository, "cat-file", "blob", name], capture_output=True, check=True).stdout


def check_edits_are_kept(
    repository: Path, base: Path, theirs: Path, ours: Files, merged: Files, result: MergeResult
) -> None:
    """Check that `merged`, the files after the update, contain the user's edits in `ours` and the new templates."""
    generated, new = files(base), files(theirs)
    entries = unmerged_entries(repository)
    unmerged = {path for path, _, _ in entries}
    # Everything that the user wrote is in a file, or at least in a stage of an unmerged file.
    stages = [blob(repository, name) for _, _, name in entries]
    assert user_marks(contents_of(ours)) <= user_marks([*contents_of(merged), *stages])
    # The result names every unmerged file, and every file with conflict markers is one of them.
    assert unmerged == {file.path for file in result.unmerged if file.resolution is Resolution.CONFLICT}
    assert {path for path, (_, data) in merged.items() if MARKERS.search(data)} <= unmerged
    deleted = generated.keys() - ours.keys()  # or renamed
    assert not (deleted & merged.keys()) - unmerged, "a file that the user deleted is back"
    for path in generated.keys() & ours.keys() - unmerged:
        if ours[path] == generated[path]:
            assert merged.get(path) == new.get(path), f"{path}: only the templates changed it, so it must follow them"
        elif generated[path] == new.get(path) and not deleted:
            assert merged.get(path) == ours[path], f"{path}: only the user changed it, so it must stay"
    for path in ours.keys() - new.keys():
        if ours[path] != generated.get(path):
            names = {path, f"{path}~yours", RENAMED.get(path, path)}
            assert names & merged.keys(), f"{path}: the user added or changed it, so it must stay"
    resolutions = {file.path: file.resolution for file in result.unmerged}
    for path in deleted & new.keys():
        if generated[path] != new[path] and not has_new_files(ours, generated):
            message = f"{path}: the user deleted it and the templates changed it, so the result must name it"
            assert resolutions[path] is Resolution.STAYS_DELETED, message


def has_new_files(ours: Files, generated: Files) -> bool:
    """Return whether the user added a file, which git may regard as a deleted file under a new name."""
    return bool(ours.keys() - generated.keys())


@settings(
    max_examples=200,
    deadline=None,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(ROUNDS, st.sampled_from([True, True, False]))
# The user renames one file to the name that the templates give another file, which the user made binary. git then
# keeps one of the two in the work tree, and the other only in the index.
@example([([Edit("bytes", "docs/moved.md", "", 0), Edit("rename", "docs/old.md", "docs/chapter.md", 0)], [])], True)
def test_no_edit_is_lost(rounds: list[tuple[list[Edit], list[str]]], skips_version: bool) -> None:
    trees = Path(_trees().name)
    with tempfile.TemporaryDirectory(prefix="case-", dir=TEMPORARY) as directory:
        repository = shutil.copytree(trees / "start", Path(directory, "hello"))
        versions = ["1.0", "2.0"] if skips_version else ["1.0", "1.1", "2.0"]
        last = len(versions) - 2
        for number, (edits, new_paths) in enumerate(rounds[: last + 1]):
            for count, edit in enumerate(edits):
                apply(repository, edit, f"mine-{number}-{count}")
            commit_all(repository)
            untracked = [path for path in new_paths if is_free(repository, repository / path)]
            for path in untracked:
                apply(repository, Edit("add", path, "", 0), f"mine-{number}-99")
            base, theirs = tree(trees, versions[number]), tree(trees, versions[number + 1])
            check_round(repository, base, theirs, untracked, undo=number == last)


def check_round(repository: Path, base: Path, theirs: Path, untracked: list[str], undo: bool) -> None:
    """Update from `base` to `theirs` and check the result; then undo the update, or resolve and commit it."""
    ours, branches_before = files(repository), branches(repository)

    def update() -> MergeResult:
        with tempfile.TemporaryDirectory(dir=TEMPORARY) as directory:
            return update_tree(find_checkout(repository), base, theirs, theirs.parent.name, Path(directory), Mode.WRITE)

    try:
        result = update()
    except UsageError as error:
        event("refused")
        assert any(path in str(error) or os.path.dirname(path) in str(error) for path in untracked)
        assert files(repository) == ours
        assert git(repository, "status", "--porcelain", "--untracked-files=no") == ""
        for path in untracked:
            remove(repository / path)
        untracked, ours = [], files(repository)
        result = update()
    event("conflicts" if result.stages else "no conflicts")
    after = files(repository)
    assert branches(repository) == branches_before
    assert {path: after.get(path) for path in untracked} == {path: ours[path] for path in untracked}
    assert not [path for path in after if ".ebpf-new-" in path]
    committed = {path: file for path, file in ours.items() if path not in untracked}
    merged = {path: file for path, file in after.items() if path not in untracked}
    check_edits_are_kept(repository, base, theirs, committed, merged, result)
    if undo:
        subprocess.run(UNDO[len(ours) % 2], shell=True, cwd=repository, check=True, capture_output=True)
        assert files(repository) == ours
    else:
        for path in untracked:
            remove(repository / path)
        for path in {path for path, _, _ in unmerged_entries(repository)} & after.keys():
            if MARKERS.search(after[path][1]):  # keep both sides
                (repository / path).write_bytes(re.sub(rb"(?m)^(<{7} |={7}$|>{7} ).*\n?", b"", after[path][1]))
        commit_all(repository)
