# SPDX-License-Identifier: BSD-2-Clause
"""What was merged gets into the user's work tree and index: all of it, or nothing.

First git writes every new file, as the user's configuration has files in a work tree, into a workshop in the project.
Then, while signals wait, old files move out, new ones move in, and git writes the index. These are renames, which
take no room on the disk. If one fails, those before it are taken back.
"""

import os
import signal
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path

from scaffold.errors import DiskError, UsageError
from scaffold.generate.staging import StagingDir, staging_dir
from scaffold.project.git import Git
from scaffold.update.checkout import Checkout, named, reject_unfinished
from scaffold.update.merge import FileChange, Merged, MergeRepository, copy_objects
from scaffold.vmtest.processes import TERMINATION_SIGNALS

MOVE_AWAY = "move it away, or commit it"


def reject_blocked(checkout: Checkout, changes: Sequence[FileChange]) -> None:
    """Check that every changed file can be written; writes nothing.

    Raises:
        UsageError: something that git does not keep is in the way, or git was told not to look at a file.
    """
    in_the_way = find_blocked(checkout, changes)
    if in_the_way:
        what = "it is" if len(in_the_way) == 1 else "they are"
        said = f"would be overwritten, and {what} in no commit; {MOVE_AWAY}"
        raise UsageError(f"{named(in_the_way)} {said}")
    hidden = _find_hidden(checkout) & {change.path for change in changes}
    if hidden:
        advice = "type: git sparse-checkout disable, or git update-index --no-skip-worktree --no-assume-unchanged FILE"
        raise UsageError(f"git was told not to look at {named(sorted(hidden))}, which the update changes; {advice}")


def find_blocked(checkout: Checkout, changes: Sequence[FileChange]) -> list[str]:
    """Return the paths, from the top, of what stands where a new file is to be and is not the repository's."""
    leaving = {change.path for change in changes if not change.new}
    found = (_obstacles(checkout.top, change.path, leaving) for change in changes if not change.old)
    return sorted({path for paths in found for path in paths})


def apply_merge(repository: MergeRepository, merged: Merged) -> None:
    """Bring what was merged into the work tree and the index.

    Raises:
        DiskError, GitError, UsageError: it could not be; the work tree and index are as they were.
    """
    checkout = repository.checkout
    with staging_dir(checkout.project / "update") as staging:
        copy_objects(repository, merged)
        _stage(repository, merged.changes, staging)
        before = signal.pthread_sigmask(signal.SIG_BLOCK, TERMINATION_SIGNALS)
        try:
            reject_unfinished(checkout)
            _swap(checkout, merged, staging)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _find_hidden(checkout: Checkout) -> set[str]:
    # A small letter is assume-unchanged, S is skip-worktree.
    entries = os.fsdecode(Git(checkout.project)("ls-files", "-v", "-z", "--full-name", "--", ".")).split("\0")
    return {entry[2:] for entry in entries if entry and (entry[0].islower() or entry[0] == "S")}


def _obstacles(top: Path, path: str, leaving: set[str]) -> Iterator[str]:
    for parent in list(Path(path).parents)[-2::-1]:
        if os.path.lexists(top / parent) and ((top / parent).is_symlink() or not (top / parent).is_dir()):
            if str(parent) not in leaving:
                yield str(parent)
            return
    target = top / path
    if target.is_dir() and not target.is_symlink():
        inside = (os.path.relpath(os.path.join(at, name), top) for at, _, names in os.walk(target) for name in names)
        yield from (name for name in inside if name not in leaving)
    elif os.path.lexists(target):
        yield path


def _stage(repository: MergeRepository, changes: Sequence[FileChange], staging: StagingDir) -> None:
    """Write the new files below the workshop's repository, by git, so that line ends and filters are the user's."""
    checkout = repository.checkout
    git = repository.borrowed.with_variables(GIT_INDEX_FILE=str(staging.root / "index"))
    new = [change for change in changes if change.new]
    lines = [f"{change.new.mode} {change.new.id}\t{change.path}" for change in new if change.new]
    git("update-index", "-z", "--index-info", stdin=_list(lines))
    prefix = os.path.relpath(staging.tree, os.path.realpath(checkout.top)) + os.sep
    git("checkout-index", "-z", "--stdin", f"--prefix={prefix}", stdin=_list(change.path for change in new))


def _swap(checkout: Checkout, merged: Merged, staging: StagingDir) -> None:
    with ExitStack() as undo:
        try:
            for change in merged.changes:
                if change.old:
                    _move(checkout.top / change.path, staging.root / "old" / change.path, undo)
            _remove_empty(checkout, merged.changes, undo)
            for change in merged.changes:
                if change.new:
                    _move(staging.tree / change.path, checkout.top / change.path, undo)
        except OSError as error:
            raise DiskError(f"cannot write {error.filename}: {error.strerror}; nothing was changed") from error
        checkout.git("update-index", "-z", "--index-info", stdin=_list(_index_lines(merged, checkout.object_format)))
        undo.pop_all()


def _move(source: Path, target: Path, undo: ExitStack) -> None:
    for parent in reversed(target.parents):
        if not parent.is_dir():
            parent.mkdir()
            undo.callback(_forget, parent)
    if os.path.lexists(target):
        raise UsageError(f"{target} appeared meanwhile, and is left as it is; nothing was changed; {MOVE_AWAY}")
    os.rename(source, target)
    undo.callback(_move_back, target, source)


def _move_back(source: Path, target: Path) -> None:
    if not os.path.lexists(target):  # or somebody has saved another there in this very moment
        os.rename(source, target)


def _remove_empty(checkout: Checkout, changes: Sequence[FileChange], undo: ExitStack) -> None:
    """Remove the directories that the last file has left, but not those that get another; and those in a file's way."""
    needed = {parent for change in changes if change.new for parent in Path(change.path).parents}
    for change in changes:
        path = checkout.top / change.path
        if change.new:
            for at, _, _ in os.walk(path, topdown=False):
                _remove_directory(Path(at), undo)
        for parent in Path(change.path).parents if not change.new else ():
            directory = checkout.top / parent
            if parent in needed or checkout.project not in directory.parents:
                break
            _remove_directory(directory, undo)


def _remove_directory(directory: Path, undo: ExitStack) -> None:
    if directory.is_dir() and not directory.is_symlink() and not any(directory.iterdir()):
        mode = directory.stat().st_mode & 0o7777
        directory.rmdir()
        undo.callback(directory.mkdir, mode)


def _forget(directory: Path) -> None:
    with suppress(OSError):
        directory.rmdir()


def _index_lines(merged: Merged, object_format: str) -> Iterator[str]:
    nothing = "0" * (64 if object_format == "sha256" else 40)
    for change in merged.changes:
        if change.path not in merged.unmerged:
            new = change.new
            yield f"{new.mode} {new.id}\t{change.path}" if new else f"0 {nothing}\t{change.path}"
    for path, stages in merged.unmerged.items():
        yield f"0 {nothing}\t{path}"
        yield from (f"{blob.mode} {blob.id} {stage}\t{path}" for stage, blob in stages.items())


def _list(lines: Iterator[str] | Sequence[str]) -> bytes:
    return b"".join(os.fsencode(line) + b"\0" for line in lines)
