# SPDX-License-Identifier: BSD-2-Clause
"""Staging directories: a project is created in one, and published at its target in one step.

The staging directory is beside the target, on the same file system. The finished project is renamed to the target,
together with parent directories that do not exist yet. So at any moment there is no project or a complete one, even if
the process is killed. A process locks its staging directory; the lock of a killed process is free, so the next run in
the same directory removes what is stale.
"""

import errno
import os
import re
import shutil
import signal
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from scaffold.errors import DiskError, InvalidAnswersError, Problem
from scaffold.project.request import NAME_LABEL, TargetLabel
from scaffold.vmtest.files import LockState, remove_directory, try_lock
from scaffold.vmtest.processes import TERMINATION_SIGNALS, signals_blocked

STALE_PREFIX = ".ebpf-new-"
STALE_NAME = re.compile(re.escape(STALE_PREFIX) + "[0-9]+-[0-9a-f]{8}")
LOCK_FILE = "lock"
PROJECT_BYTES = 2 << 20  # a project with its repository takes about half of this
PROJECT_INODES = 300  # it takes about two thirds of this
TARGET_EXISTS_ERRORS = (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR, errno.EBUSY)  # of rename(2)


def find_target_problems(target: Path, label: TargetLabel = NAME_LABEL, projects: int = 1) -> list[Problem]:
    """Return the problem that prevents a project at the absolute path `target`, if there is one; writes nothing.

    `projects` is the number of projects that need disk space beside `target`.
    """
    try:
        parent = nearest_existing(target)
        problem = find_obstacle(target, label) or _parent_problem(parent, label, projects)
    except OSError as error:
        message = f"cannot read {error.filename}: {error.strerror}"
        problem = Problem(label.argument, message, f"choose {label.alternative_parent}")
    return [problem] if problem else []


def nearest_existing(target: Path) -> Path:
    """Return the deepest parent of `target` that exists; it may be of any type."""
    return next((parent for parent in target.parents if os.path.lexists(parent)), target)


def find_obstacle(target: Path, label: TargetLabel = NAME_LABEL) -> Problem | None:
    """Return a problem if `target` exists and a project cannot replace it, or None.

    Raises:
        OSError: `target` cannot be read.
    """
    hint = f"choose {label.alternative}, or remove it"
    if target.is_symlink():
        return Problem(label.argument, f"{target} is a symbolic link", hint)
    if not target.exists():
        return None
    if not target.is_dir():
        return Problem(label.argument, f"{target} already exists and is not a directory", hint)
    if os.path.ismount(target):
        inside = f"create the project inside it: {target / 'NAME'}"
        return Problem(label.argument, f"{target} is a mount point, which a project cannot replace", inside)
    if next(os.scandir(target), None):
        return Problem(label.argument, f"{target} already exists and is not empty", hint)
    return None


def _parent_problem(parent: Path, label: TargetLabel, projects: int) -> Problem | None:
    choose = f"choose {label.alternative_parent}"
    if not parent.is_dir():
        return Problem(label.argument, f"{parent} is not a directory", choose)
    if not os.access(parent, os.W_OK | os.X_OK):
        return Problem(label.argument, f"{parent} is not writable", f"{choose}, or change its permissions")
    disk = os.statvfs(parent)
    full = f"the disk that contains {parent} is full"
    need = "a project needs" if projects == 1 else f"{projects} projects need"
    if disk.f_blocks and disk.f_bavail * disk.f_frsize < PROJECT_BYTES * projects:
        message = f"{full}: {need} {(PROJECT_BYTES * projects) >> 20} MiB"
        return Problem(label.argument, message, f"free some space, or {choose}")
    if disk.f_files and disk.f_favail < PROJECT_INODES * projects:
        return Problem(
            label.argument, f"{full}: {need} {PROJECT_INODES * projects} inodes", f"remove files, or {choose}"
        )
    return None


@dataclass(frozen=True)
class StagingDir:
    """A private directory on the file system of `target`. Create the project in `tree`, then publish it."""

    root: Path
    target: Path
    label: TargetLabel = NAME_LABEL

    @property
    def tree(self) -> Path:
        """The directory in which to create the project's directory."""
        return self.root / "tree"

    def publish(self, project: Path) -> None:
        """Rename `project` to the target, together with missing parents of the target.

        Raises:
            InvalidAnswersError: another process created the target meanwhile; it does not change.
            DiskError: the rename failed for another reason.
        """
        while True:
            missing = _missing_parents(self.target)
            try:
                os.rename(self._wrap(project, missing), missing[0] if missing else self.target)
                return
            except OSError as error:
                if missing and error.errno in TARGET_EXISTS_ERRORS and missing[0].is_dir():
                    project = self._unwrap(project, missing)
                    continue  # another process created that parent: try again below it
                if error.errno in TARGET_EXISTS_ERRORS:
                    message = f"{self.target} was created by another process meanwhile"
                    hint = f"choose {self.label.alternative}, or remove it"
                    raise InvalidAnswersError([Problem(self.label.argument, message, hint)]) from error
                raise DiskError(f"cannot move the project to {self.target}: {error.strerror}") from error

    def unpublish(self) -> None:
        """Move the published project back into the staging directory."""
        os.rename(self.target, self.root / "unpublished")

    def _wrap(self, project: Path, missing: list[Path]) -> Path:
        """Move `project` below copies of its missing parents, and return the first of these."""
        if not missing:
            return project
        parent = self._wrapped_parent(missing)
        parent.mkdir(parents=True)
        os.rename(project, parent / project.name)
        return self.root / "parents" / missing[0].name

    def _unwrap(self, project: Path, missing: list[Path]) -> Path:
        os.rename(self._wrapped_parent(missing) / project.name, project)
        shutil.rmtree(self.root / "parents")
        return project

    def _wrapped_parent(self, missing: list[Path]) -> Path:
        return self.root / "parents" / missing[-1].relative_to(missing[0].parent)


def publish_all(projects: Sequence[tuple[StagingDir, Path]]) -> None:
    """Publish every project from its staging directory, or none of them.

    Raises:
        InvalidAnswersError: another process created a target meanwhile; it does not change.
        DiskError: a rename failed for another reason.
    """
    with signals_blocked(), ExitStack() as undo:
        for staging, project in projects:
            undo.callback(_remove_empty, _missing_parents(staging.target))
            staging.publish(project)
            undo.callback(staging.unpublish)
        undo.pop_all()


def _remove_empty(parents: list[Path]) -> None:
    for parent in reversed(parents):
        with suppress(OSError):  # it does not exist, or another process uses it
            parent.rmdir()


def _missing_parents(target: Path) -> list[Path]:
    return [parent for parent in reversed(target.parents) if not os.path.lexists(parent)]


@contextmanager
def staging_dir(target: Path, label: TargetLabel = NAME_LABEL) -> Iterator[StagingDir]:
    """Create a staging directory for `target`, and remove it at the end of the block, also after an error or a signal.

    Raises:
        DiskError: the directory cannot be created.
    """
    parent = nearest_existing(target)
    remove_stale(parent)
    with signals_blocked() as blocked_before:
        root, lock = _create_locked_directory(parent)
        try:
            os.mkdir(root / "tree")
            signal.pthread_sigmask(signal.SIG_SETMASK, blocked_before)
            yield StagingDir(root, target, label)
        finally:
            signal.pthread_sigmask(signal.SIG_BLOCK, TERMINATION_SIGNALS)
            remove_directory(root)
            os.close(lock)


def remove_stale(directory: Path) -> None:
    """Remove the staging directories of killed runs in `directory`; those of active runs are locked and remain."""
    for path in directory.glob(STALE_PREFIX + "*"):
        if not STALE_NAME.fullmatch(path.name) or path.is_symlink():
            continue
        try:
            lock = os.open(path / LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        except OSError:
            continue  # it belongs to another user, or its run has removed it meanwhile
        try:
            if try_lock(lock) is LockState.LOCKED:  # a file system without locks cannot show which runs are active
                remove_directory(path)
        except OSError:
            continue
        finally:
            os.close(lock)


def _create_locked_directory(parent: Path) -> tuple[Path, int]:
    """Create a staging directory in `parent`; return it with the descriptor that holds its lock."""
    while True:
        root = parent / f"{STALE_PREFIX}{os.getpid()}-{os.urandom(4).hex()}"
        try:
            root.mkdir(mode=0o700)
        except OSError as error:
            raise DiskError(f"cannot write to {parent}: {error.strerror}") from error
        try:
            lock = _lock(root)
        except OSError as error:
            remove_directory(root)
            raise DiskError(f"cannot write to {parent}: {error.strerror}") from error
        if lock is not None:
            return root, lock


def _lock(root: Path) -> int | None:
    """Lock the new directory `root`; return None if another run removed it as stale before it was locked."""
    path = root / LOCK_FILE
    try:
        lock = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except FileNotFoundError:
        return None
    try:
        state = try_lock(lock)
        # Without locks, no other run removes the directory as stale.
        if state is LockState.UNSUPPORTED or (state is LockState.LOCKED and _is_same_file(lock, path)):
            return lock
    except OSError:
        os.close(lock)
        raise
    os.close(lock)
    return None


def _is_same_file(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), os.stat(path))
    except FileNotFoundError:
        return False
