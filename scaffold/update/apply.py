# SPDX-License-Identifier: BSD-2-Clause
"""The step that writes a merge result to the user's work tree and index: as a whole, or not at all.

First git writes every new file to a staging directory in the project, with the line ends and filters that the user
configured. Then, while signals are blocked, the old files are renamed to the staging directory and the new files to
the work tree, and git writes the index. If a step fails, the renames are undone.
"""

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path

from scaffold.errors import DiskError, UsageError
from scaffold.generate.staging import StagingDir, staging_dir
from scaffold.project.git import Git
from scaffold.update.checkout import Checkout, format_paths, require_clean
from scaffold.update.merge import FileChange, MergeRepository, MergeResult, copy_objects
from scaffold.vmtest.processes import signals_blocked

MAKE_ROOM = "move it away, or commit it"
HASH_DIGITS = {"sha1": 40, "sha256": 64}  # by git's object format


def require_writable(checkout: Checkout, changes: Sequence[FileChange]) -> None:
    """Check that the update can write every file in `changes` without loss; write nothing.

    Raises:
        UsageError: a new file would overwrite one that is not committed, or git ignores the changes to a file.
    """
    obstacles = _find_obstacles(checkout, changes)
    if obstacles:
        hint = MAKE_ROOM if len(obstacles) == 1 else "move them away, or commit them"
        raise UsageError(f"the update would overwrite uncommitted files: {format_paths(obstacles)}", hint=hint)
    unwatched = _find_unwatched(checkout) & {change.path for change in changes}
    if unwatched:
        hint = "run: git sparse-checkout disable, or git update-index --no-skip-worktree --no-assume-unchanged FILE"
        message = "the update would change files that git does not compare (skip-worktree, assume-unchanged)"
        raise UsageError(f"{message}: {format_paths(sorted(unwatched))}", hint=hint)


def apply_merge(repository: MergeRepository, result: MergeResult) -> None:
    """Write `result` to the work tree and the index of the user's repository.

    Raises:
        DiskError, GitError, UsageError: writing failed; the work tree and the index are unchanged.
    """
    checkout = repository.checkout
    with staging_dir(checkout.project / "update") as staging:
        copy_objects(repository, result)
        _write_new_files(repository, result.changes, staging)
        with signals_blocked():
            require_clean(checkout)
            _swap_files(checkout, result, staging)


def _find_obstacles(checkout: Checkout, changes: Sequence[FileChange]) -> list[str]:
    """Return the paths of uncommitted files that are where a new file must be written."""
    removed = {change.path for change in changes if not change.new}
    obstacles = (_list_obstacles(checkout.top, change.path, removed) for change in changes if not change.old)
    return sorted({path for paths in obstacles for path in paths})


def _list_obstacles(top: Path, path: str, removed: set[str]) -> Iterator[str]:
    for parent in list(Path(path).parents)[-2::-1]:
        if os.path.lexists(top / parent) and ((top / parent).is_symlink() or not (top / parent).is_dir()):
            if str(parent) not in removed:
                yield str(parent)
            return
    target = top / path
    if target.is_dir() and not target.is_symlink():
        files = (os.path.relpath(os.path.join(at, name), top) for at, _, names in os.walk(target) for name in names)
        yield from (name for name in files if name not in removed)
    elif os.path.lexists(target):
        yield path


def _find_unwatched(checkout: Checkout) -> set[str]:
    # A lower-case letter means assume-unchanged, S means skip-worktree; see git-ls-files(1).
    entries = os.fsdecode(Git(checkout.project)("ls-files", "-v", "-z", "--full-name", "--", ".")).split("\0")
    return {entry[2:] for entry in entries if entry and (entry[0].islower() or entry[0] == "S")}


def _write_new_files(repository: MergeRepository, changes: Sequence[FileChange], staging: StagingDir) -> None:
    checkout = repository.checkout
    git = repository.user_git.with_variables(GIT_INDEX_FILE=str(staging.root / "index"))
    entries = [f"{change.new.mode} {change.new.id}\t{change.path}" for change in changes if change.new]
    git("update-index", "-z", "--index-info", stdin=_join_records(entries))
    prefix = os.path.relpath(staging.tree, os.path.realpath(checkout.top)) + os.sep
    paths = [change.path for change in changes if change.new]
    git("checkout-index", "-z", "--stdin", f"--prefix={prefix}", stdin=_join_records(paths))


def _swap_files(checkout: Checkout, result: MergeResult, staging: StagingDir) -> None:
    with ExitStack() as undo:
        try:
            for change in result.changes:
                if change.old:
                    _rename(checkout.top / change.path, staging.root / "old" / change.path, undo)
            _remove_empty_directories(checkout, result.changes, undo)
            for change in result.changes:
                if change.new:
                    _rename(staging.tree / change.path, checkout.top / change.path, undo)
        except OSError as error:
            raise DiskError(f"cannot write {error.filename}: {error.strerror}; the project is unchanged") from error
        entries = _index_entries(result, checkout.object_format)
        checkout.git("update-index", "-z", "--index-info", stdin=_join_records(entries))
        undo.pop_all()


def _rename(source: Path, target: Path, undo: ExitStack) -> None:
    for parent in reversed(target.parents):
        if not parent.is_dir():
            parent.mkdir()
            undo.callback(_remove_created, parent)
    if os.path.lexists(target):
        raise UsageError(f"{target} was created during the update; the project is unchanged", hint=MAKE_ROOM)
    os.rename(source, target)
    undo.callback(_rename_back, target, source)


def _rename_back(source: Path, target: Path) -> None:
    if not os.path.lexists(target):  # otherwise another process created a file there in the meantime
        os.rename(source, target)


def _remove_created(directory: Path) -> None:
    with suppress(OSError):
        directory.rmdir()


def _remove_empty_directories(checkout: Checkout, changes: Sequence[FileChange], undo: ExitStack) -> None:
    """Remove the empty directories where a new file must be written, and those that the update left without a file."""
    needed = {parent for change in changes if change.new for parent in Path(change.path).parents}
    for change in changes:
        path = checkout.top / change.path
        if change.new:
            for directory, _, _ in os.walk(path, topdown=False):
                _remove_if_empty(Path(directory), undo)
            continue
        for parent in Path(change.path).parents:
            if parent in needed or checkout.project not in (checkout.top / parent).parents:
                break
            _remove_if_empty(checkout.top / parent, undo)


def _remove_if_empty(directory: Path, undo: ExitStack) -> None:
    if directory.is_dir() and not directory.is_symlink() and not any(directory.iterdir()):
        mode = directory.stat().st_mode & 0o7777
        directory.rmdir()
        undo.callback(directory.mkdir, mode)


def _index_entries(result: MergeResult, object_format: str) -> Iterator[str]:
    """Yield the input of `git update-index --index-info`. Mode 0 removes a path."""
    remove = f"0 {'0' * HASH_DIGITS[object_format]}"
    for change in result.changes:
        if change.path not in result.stages:
            new = change.new
            yield f"{new.mode} {new.id}\t{change.path}" if new else f"{remove}\t{change.path}"
    for path, stages in result.stages.items():
        yield f"{remove}\t{path}"
        yield from (f"{blob.mode} {blob.id} {stage}\t{path}" for stage, blob in stages.items())


def _join_records(records: Iterable[str]) -> bytes:
    return b"".join(os.fsencode(record) + b"\0" for record in records)
