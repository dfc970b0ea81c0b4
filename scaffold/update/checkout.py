# SPDX-License-Identifier: BSD-2-Clause
"""The repository that a project stands in, and whether its work tree can be worked on."""

import os
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from scaffold.errors import GitError, UnavailableError, UsageError
from scaffold.project.git import Git, git_is_installed
from scaffold.project.record import RECORD, Record, parse_record
from scaffold.vmtest.printable import printable

OLDEST_GIT = (2, 38)  # the first whose merge-tree merges
NAMED = 5  # so many files are named in a message

IN_PROGRESS = {
    "MERGE_HEAD": "merge",
    "CHERRY_PICK_HEAD": "cherry-pick",
    "REVERT_HEAD": "revert",
    "rebase-merge": "rebase",
    "rebase-apply": "rebase",
}


@dataclass(frozen=True)
class Checkout:
    """A project in a git repository. `prefix` leads from the top to the project: "" or a path that ends with /."""

    project: Path
    top: Path
    prefix: str
    git_directory: Path  # of this work tree
    objects: Path
    object_format: str  # sha1 or sha256
    head: str  # the tree that is committed

    @property
    def git(self) -> Git:
        """git at the top of the work tree."""
        return Git(self.top)

    @property
    def is_top(self) -> bool:
        """Whether the project is the whole repository."""
        return not self.prefix

    def read_record(self) -> Record:
        """Return what the project says of how it was made, as it is committed.

        Raises:
            UsageError: it says nothing that can be read.
        """
        text = self.git("cat-file", "blob", f"{self.head}:{self.prefix}{RECORD}")
        return parse_record(text, str(self.project / RECORD))


def find_checkout(directory: Path) -> Checkout:
    """Return the project at `directory` with its repository.

    Raises:
        UnavailableError: git is missing or too old.
        UsageError: there is no project, or it is in no repository, or not committed.
        GitError: git refuses to work there; its own words are in the message.
    """
    project = Path(os.path.realpath(directory))
    _reject_no_project(directory, project)
    _reject_old_git()
    git = Git(project)
    found = git.run("rev-parse", "--show-toplevel", "--show-prefix", "--absolute-git-dir", "--git-path", "objects",
                    "--show-object-format")  # fmt: skip
    lines = os.fsdecode(found.stdout).split("\n")
    start = "git init && git add --all && git commit --message Start"
    if found.returncode or len(lines) != 6:
        said = found.stderr.decode(errors="replace").strip()
        if "not a git repository" not in said:
            raise GitError(f"git cannot work in {project}: {said or 'its path has a line break'}")
        raise UsageError(f"{directory} is in no git repository, and an update is a merge by git; type: {start}")
    top, prefix, git_directory, objects, object_format, _ = lines
    head = git.line("rev-parse", "HEAD^{tree}", f"HEAD:{prefix}{RECORD}").partition("\n")[0]
    if not head:
        advice = "git add --all && git commit --message Start"
        raise UsageError(f"{directory} is not committed, and an update begins from a commit; type there: {advice}")
    return Checkout(
        project, Path(top), prefix, Path(git_directory), project / objects, object_format, head
    )  # fmt: skip


def reject_unfinished(checkout: Checkout) -> None:
    """Check that nothing would be mixed into an update.

    Raises:
        UsageError: a merge or its like is going on, or files of the project have changes that are not committed.
    """
    for name, what in IN_PROGRESS.items():
        if (checkout.git_directory / name).exists():
            raise UsageError(f"a {what} is going on here; type first: git {what} --continue, or --abort")
    if checkout.git.line("rev-parse", "HEAD^{tree}") != checkout.head:
        raise UsageError("something was committed meanwhile; type the command again")
    here = Git(checkout.project)
    # Of an entry, which ends with a NUL, the first three characters are its state; a rename has another path behind it.
    changed = here("status", "--porcelain=v1", "-z", "--no-renames", "--untracked-files=no", "--", ".")
    names = [entry[3:] for entry in os.fsdecode(changed).split("\0") if entry]
    if names:
        advice = "commit them first, or type: git stash"
        raise UsageError(f"changes would be mixed with the update ({named(names)}); {advice}")


def named(paths: list[str]) -> str:
    """Return the first of the paths, for a message of one line."""
    more = [f"and {len(paths) - NAMED} more"] if len(paths) > NAMED else []
    return ", ".join([*map(printable, paths[:NAMED]), *more])


def _reject_no_project(directory: Path, project: Path) -> None:
    if not project.is_dir():
        raise UsageError(f"{directory} is no directory")
    if (project / RECORD).is_file():
        return
    above = next((parent for parent in project.parents if (parent / RECORD).is_file()), None)
    advice = f"the project is {above}" if above else "name the directory of one that ebpf-new has made"
    raise UsageError(f"{directory} is no project of ebpf-new, since it has no {RECORD}; {advice}")


def _reject_old_git() -> None:
    if not git_is_installed():
        raise UnavailableError("git is not installed, and an update is a merge by git; type: apt-get install git")
    version = _git_version()
    number = re.search(r"(\d+)\.(\d+)", version)
    if not number or tuple(map(int, number.groups())) < OLDEST_GIT:
        raise UnavailableError(
            f"this is {version}, and an update takes {'.'.join(map(str, OLDEST_GIT))} or newer; upgrade git"
        )


@cache
def _git_version() -> str:
    return Git(Path("/")).line("version")
