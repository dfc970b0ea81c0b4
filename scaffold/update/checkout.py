# SPDX-License-Identifier: BSD-2-Clause
"""The git work tree that contains a project, and the checks that an update needs before it may write there."""

import os
import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from scaffold.errors import GitError, UnavailableError, UsageError
from scaffold.project.git import Git, git_is_installed
from scaffold.project.record import RECORD, Record, parse_record
from scaffold.vmtest.printable import printable

MIN_GIT_VERSION = (2, 38)  # the first version whose `git merge-tree` has --write-tree
MAX_LISTED_PATHS = 5  # in one message
COMMIT_ALL = "git add --all && git commit --message Start"

# Files and directories in the git directory that exist while an operation waits for the user; see git-status(1).
OPERATIONS = {
    "MERGE_HEAD": "merge",
    "CHERRY_PICK_HEAD": "cherry-pick",
    "REVERT_HEAD": "revert",
    "rebase-merge": "rebase",
    "rebase-apply": "rebase",
}


@dataclass(frozen=True)
class Checkout:
    """A project in a git work tree. The project may be a directory of a larger repository."""

    project: Path  # absolute, without symbolic links
    top: Path  # the top directory of the work tree
    prefix: str  # the project's path relative to `top`: "", or a path that ends with /
    git_directory: Path  # of this work tree
    objects_directory: Path
    object_format: str  # sha1 or sha256
    head_tree: str  # the hash of the tree that HEAD has

    @property
    def git(self) -> Git:
        """git at the top of the work tree."""
        return Git(self.top)

    @property
    def is_whole_repository(self) -> bool:
        """Whether the project is at the top of the work tree."""
        return not self.prefix

    def read_record(self) -> Record:
        """Return the committed record of the project.

        Raises:
            UsageError: the record is damaged.
        """
        text = self.git("cat-file", "blob", f"{self.head_tree}:{self.prefix}{RECORD}")
        return parse_record(text, str(self.project / RECORD))


def find_checkout(directory: Path) -> Checkout:
    """Return the project in `directory` and the work tree that contains it.

    Raises:
        UnavailableError: git is missing or too old.
        UsageError: `directory` is not a project, is not in a git repository, or is not committed.
        GitError: git refuses to work there; the message contains git's own message.
    """
    project = Path(os.path.realpath(directory))
    _require_project(directory, project)
    _require_git()
    git = Git(project)
    result = git.run("rev-parse", "--show-toplevel", "--show-prefix", "--absolute-git-dir", "--git-path", "objects",
                     "--show-object-format")  # fmt: skip
    lines = os.fsdecode(result.stdout).split("\n")
    if result.returncode or len(lines) != 6:
        message = result.stderr.decode(errors="replace").strip()
        if "not a git repository" not in message:
            raise GitError(f"git cannot work in {project}: {message or 'its path contains a line break'}")
        hint = f"ebpf-new update merges with git; run there: git init && {COMMIT_ALL}"
        raise UsageError(f"{directory} is not in a git repository", hint=hint)
    top, prefix, git_directory, objects, object_format, _ = lines
    head_tree = git.line("rev-parse", "HEAD^{tree}", f"HEAD:{prefix}{RECORD}").partition("\n")[0]
    if not head_tree:
        hint = f"an update starts from a commit; run there: {COMMIT_ALL}"
        raise UsageError(f"{directory} is not committed", hint=hint)
    return Checkout(project, Path(top), prefix, Path(git_directory), project / objects, object_format, head_tree)


def require_clean(checkout: Checkout) -> None:
    """Check that an update would not mix with other changes of the user.

    Raises:
        UsageError: a merge or a similar operation is in progress, HEAD has moved since `checkout` was read, or tracked
            files of the project have uncommitted changes.
    """
    for name, operation in OPERATIONS.items():
        if (checkout.git_directory / name).exists():
            hint = f"finish it with git {operation} --continue, or cancel it with git {operation} --abort"
            raise UsageError(f"a {operation} is in progress in {checkout.top}", hint=hint)
    if checkout.git.line("rev-parse", "HEAD^{tree}") != checkout.head_tree:
        hint = "run the same command again"
        raise UsageError(f"another process committed to {checkout.top} during the update", hint=hint)
    status = Git(checkout.project)("status", "--porcelain=v1", "-z", "--no-renames", "--untracked-files=no", "--", ".")
    # An entry is two letters of status, a space and the path.
    paths = [entry[3:] for entry in os.fsdecode(status).split("\0") if entry]
    if paths:
        hint = "commit them first, or run: git stash"
        raise UsageError(f"uncommitted changes would mix with the update ({format_paths(paths)})", hint=hint)


def format_paths(paths: Sequence[str]) -> str:
    """Return the first `MAX_LISTED_PATHS` of `paths` and the number of the others, on one printable line."""
    hidden = len(paths) - MAX_LISTED_PATHS
    rest = [f"and {hidden} more"] if hidden > 0 else []
    return ", ".join([*map(printable, paths[:MAX_LISTED_PATHS]), *rest])


def _require_project(directory: Path, project: Path) -> None:
    if not project.is_dir():
        raise UsageError(
            f"{directory} is not a directory", hint="give the directory of a project that ebpf-new created"
        )
    if (project / RECORD).is_file():
        return
    parent = next((parent for parent in project.parents if (parent / RECORD).is_file()), None)
    hint = (
        f"run: ebpf-new update {shlex.quote(str(parent))}"
        if parent
        else "give the directory of a project that ebpf-new created"
    )
    raise UsageError(f"{directory} is not a project of ebpf-new: it has no {RECORD}", hint=hint)


def _require_git() -> None:
    if not git_is_installed():
        raise UnavailableError("git is not installed", hint="run: apt-get install git")
    version = _git_version()
    number = re.search(r"(\d+)\.(\d+)", version)
    if not number or tuple(map(int, number.groups())) < MIN_GIT_VERSION:
        expected = ".".join(map(str, MIN_GIT_VERSION))
        raise UnavailableError(f"expected git {expected} or newer, got {version}", hint="upgrade git")


@cache
def _git_version() -> str:
    return Git(Path("/")).line("version")
