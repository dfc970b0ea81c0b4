# SPDX-License-Identifier: BSD-2-Clause
"""The place where a project will stand: what is in its way there, and getting there in one step.

A project is made in a directory of its own beside the target (on the same file system) and renamed into
place when it is whole, together with those of its parent directories that do not exist yet. So there is
no project or a whole one at any moment, even if the process is killed. What a killed process leaves
behind is locked by nobody any more; the next run in the same place clears it up.
"""

import errno
import os
import re
import shutil
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from scaffold.errors import DiskError, InvalidAnswersError, Problem
from scaffold.project.request import BY_NAME, TargetLabel
from scaffold.vmtest.files import LockState, try_lock
from scaffold.vmtest.processes import TERMINATION_SIGNALS, signals_blocked

STALE_PREFIX = ".ebpf-new-"
STALE_NAME = re.compile(re.escape(STALE_PREFIX) + "[0-9]+-[0-9a-f]{8}")
LOCK = "lock"
ROOM = 2 << 20  # bytes; a project with its repository takes about half
FILES = 300  # inodes; it takes about two thirds of them
TAKEN = (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR, errno.EBUSY)


def target_problems(target: Path, label: TargetLabel = BY_NAME, projects: int = 1) -> list[Problem]:
    """Return what keeps a project from being made at `target`, an absolute path; writes nothing.

    There is to be room for so many `projects` beside it.
    """
    try:
        parent = nearest_existing(target)
        message = target_obstacle(target, label) or _cannot_hold(parent, label, projects)
    except OSError as error:
        message = f"{error.filename}: {error.strerror}; choose another place"
    return [Problem(label.argument, message)] if message else []


def nearest_existing(target: Path) -> Path:
    """Return the deepest parent of `target` that exists, of whatever kind it is."""
    return next((parent for parent in target.parents if os.path.lexists(parent)), target)


def target_obstacle(target: Path, label: TargetLabel = BY_NAME) -> str:
    """Return what stands at `target` and no project may replace; "" for nothing.

    Raises:
        OSError: it cannot be seen.
    """
    untouched = f"it is left as it is; choose {label.another}, or move it away"
    if target.is_symlink():
        return f"{target} is a symbolic link; {untouched}"
    if not target.exists():
        return ""
    if not target.is_dir():
        return f"{target} exists and is not a directory; {untouched}"
    if os.path.ismount(target):
        return f"{target} is a mount point, which a project cannot replace; make one inside: {target / 'NAME'}"
    if next(os.scandir(target), None):
        return f"{target} exists and is not empty; {untouched}"
    return ""


def _cannot_hold(directory: Path, label: TargetLabel, projects: int) -> str:
    if not directory.is_dir():
        return f"{directory} is not a directory; choose {label.elsewhere}"
    if not os.access(directory, os.W_OK | os.X_OK):
        return f"{directory} is not writable; choose {label.elsewhere}, or change its permissions"
    disk = os.statvfs(directory)
    full = f"the disk that holds {directory} is full"
    need = "a project needs" if projects == 1 else f"{projects} projects need"
    if disk.f_blocks and disk.f_bavail * disk.f_frsize < ROOM * projects:
        room = (ROOM * projects) >> 20
        return f"{full}: {need} {room} MiB; make room, or choose {label.elsewhere}"
    if disk.f_files and disk.f_favail < FILES * projects:
        return f"{full}: {need} {FILES * projects} inodes; remove files, or choose {label.elsewhere}"
    return ""


@dataclass(frozen=True)
class StagingDir:
    """A private directory on the target's file system. Make the project in `tree`."""

    root: Path
    target: Path
    label: TargetLabel = BY_NAME

    @property
    def tree(self) -> Path:
        """Where the project is made, under its own name."""
        return self.root / "tree"

    def publish(self, project: Path) -> None:
        """Rename `project` to the target, together with the parents that the target lacks.

        Raises:
            InvalidAnswersError: another process has taken the target meanwhile; it is untouched.
            DiskError: the rename failed otherwise.
        """
        while True:
            missing = _missing_parents(self.target)
            try:
                os.rename(self._wrap(project, missing), missing[0] if missing else self.target)
                return
            except OSError as error:
                if missing and error.errno in TAKEN and missing[0].is_dir():
                    project = self._unwrap(project, missing)
                    continue  # another process has made that parent: one level deeper, then
                if error.errno in TAKEN:
                    message = f"{self.target} was made by another process meanwhile, and is left as it is"
                    raise InvalidAnswersError([Problem(self.label.argument, message)]) from error
                raise DiskError(f"cannot move the project to {self.target}: {error.strerror}") from error

    def unpublish(self) -> None:
        """Take away what was moved in."""
        os.rename(self.target, self.root / "out")

    def _wrap(self, project: Path, missing: list[Path]) -> Path:
        if not missing:
            return project
        inner = self.root / "parents" / missing[-1].relative_to(missing[0].parent)
        inner.mkdir(parents=True)
        os.rename(project, inner / project.name)
        return self.root / "parents" / missing[0].name

    def _unwrap(self, project: Path, missing: list[Path]) -> Path:
        inner = self.root / "parents" / missing[-1].relative_to(missing[0].parent)
        os.rename(inner / project.name, project)
        shutil.rmtree(self.root / "parents")
        return project


def publish_all(ready: Sequence[tuple[StagingDir, Path]]) -> None:
    """Move each project in from its staging directory, or none of them.

    Raises:
        InvalidAnswersError: another process has taken a target meanwhile; it is untouched.
        DiskError: a rename failed otherwise.
    """
    with signals_blocked(), ExitStack() as undo:
        for place, project in ready:
            undo.callback(_remove_empty, _missing_parents(place.target))
            place.publish(project)
            undo.callback(place.unpublish)
        undo.pop_all()


def _remove_empty(parents: list[Path]) -> None:
    for parent in reversed(parents):
        with suppress(OSError):  # somebody else's work is in it, or it never came to be
            parent.rmdir()


def _missing_parents(target: Path) -> list[Path]:
    return [parent for parent in reversed(target.parents) if not os.path.lexists(parent)]


@contextmanager
def staging_dir(target: Path, label: TargetLabel = BY_NAME) -> Iterator[StagingDir]:
    """Set up a staging directory for `target` and take it down afterwards, whatever happened.

    Raises:
        DiskError: it could not be made.
    """
    parent = nearest_existing(target)
    remove_stale(parent)
    before = signal.pthread_sigmask(signal.SIG_BLOCK, TERMINATION_SIGNALS)
    try:
        root, lock = _locked_directory(parent)
        try:
            os.mkdir(root / "tree")
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
            yield StagingDir(root, target, label)
        finally:
            signal.pthread_sigmask(signal.SIG_BLOCK, TERMINATION_SIGNALS)
            _remove(root)
            os.close(lock)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def remove_stale(directory: Path) -> None:
    """Remove what killed runs have left in `directory`; a run that is still going on is not touched."""
    for path in directory.glob(STALE_PREFIX + "*"):
        if not STALE_NAME.fullmatch(path.name) or path.is_symlink():
            continue
        try:
            lock = os.open(path / LOCK, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        except OSError:
            continue  # somebody else's, or gone already
        try:
            if try_lock(lock) is LockState.LOCKED:  # otherwise its owner lives, or the file system has no locks to tell
                _remove(path)
        except OSError:
            continue
        finally:
            os.close(lock)


def _locked_directory(parent: Path) -> tuple[Path, int]:
    while True:
        root = parent / f"{STALE_PREFIX}{os.getpid()}-{os.urandom(4).hex()}"
        try:
            root.mkdir(mode=0o700)
        except OSError as error:
            raise DiskError(f"cannot write in {parent}: {error.strerror}") from error
        try:
            lock = _take_lock(root)
        except OSError as error:
            _remove(root)
            raise DiskError(f"cannot write in {parent}: {error.strerror}") from error
        if lock is not None:
            return root, lock


def _take_lock(root: Path) -> int | None:
    """Lock the new directory; None when another run took it for litter in the moment before that."""
    try:
        lock = os.open(root / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    except FileNotFoundError:
        return None
    try:
        state = try_lock(lock)
        # Without locks nobody can take the directory for a stale one.
        if state is LockState.UNSUPPORTED:
            return lock
        if state is LockState.LOCKED and os.path.samestat(os.fstat(lock), os.stat(root / LOCK)):
            return lock
    except FileNotFoundError:
        pass
    except OSError:
        os.close(lock)
        raise
    os.close(lock)
    return None


def _remove(root: Path) -> None:
    # A git that outlives its interrupted parent for a moment can still be writing there.
    for pause in (0, 0.05, 0.2, 0.5):
        time.sleep(pause)
        shutil.rmtree(root, ignore_errors=True)
        if not os.path.lexists(root):
            return
