# SPDX-License-Identifier: BSD-2-Clause
"""Everything git: what the user has configured, and a new repository with its first commit."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from scaffold.errors import GitError

KEYS = r"^((user|author)\.(name|email)|init\.defaultbranch)$"

# git drops these from both ends of a name, and refuses a name that has nothing else.
CRUD = " .,:;<>\"\\'" + "".join(map(chr, range(32)))

# The trailer of a commit whose tree is as it was generated: with an edit amended to it, the trailer no longer holds.
GENERATED = "Generated-Tree"

# The commit is the generator's doing: the user's own configuration must neither change nor break it.
ALONE = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "GIT_TEMPLATE_DIR": ""}
OPTIONS = ["safe.directory=*", "core.hooksPath=" + os.devnull, "maintenance.auto=false", "gc.auto=0"]
# The files go into one pack: to make a file for each takes most of the time and of the disk. Like those files, the
# pack reaches the disk when the system likes. Compressing it well would take longer than all the rest.
ONE_PACK = ["core.bigFileThreshold=0", "core.fsync=none", "core.compression=1"]


@dataclass(frozen=True)
class GitSettings:
    """The user's own git configuration; "" for what is not set."""

    name: str = ""
    email: str = ""
    branch: str = "main"


@dataclass(frozen=True)
class Commit:
    """A commit's full hash, and the branch that it is on."""

    hash: str
    branch: str


def git_is_installed() -> bool:
    """Tell whether there is a git command."""
    return shutil.which("git") is not None


def read_settings(directory: Path) -> GitSettings:
    """Return what git is configured to in `directory`; the defaults where that cannot be read."""
    configured = _ask_git(directory, "config", "--includes", "-z", "--get-regexp", KEYS)
    found = dict(entry.partition("\n")[::2] for entry in configured.split("\0"))
    branch = found.get("init.defaultbranch", "")
    if branch and not _ask_git(directory, "check-ref-format", "--branch", branch):
        branch = ""
    name = os.environ.get("GIT_AUTHOR_NAME") or found.get("author.name") or found.get("user.name", "")
    email = os.environ.get("GIT_AUTHOR_EMAIL") or found.get("author.email") or found.get("user.email", "")
    return GitSettings(name.strip(), email.strip(), branch or GitSettings.branch)


def read_head(directory: Path) -> str:
    """Return the full hash of the commit that the repository `directory` is at; "" if there is none."""
    from git import GitError as AnyGitError
    from git import Repo

    try:
        with Repo(directory) as repo:
            return str(repo.head.dereference_recursive(repo, "HEAD"))
    except (AnyGitError, OSError, ValueError):
        return ""


def _ask_git(directory: Path, *arguments: str) -> str:
    # Not by GitPython: this runs in every call, and its import would double the time to say "bad answer".
    command = ["git", "-c", "safe.directory=*", *arguments]
    try:
        done = subprocess.run(
            command, cwd=directory, env=environment(), stdin=subprocess.DEVNULL, capture_output=True, check=False
        )
    except OSError:
        return ""
    return done.stdout.decode(errors="replace") if done.returncode == 0 else ""


def commit_everything(directory: Path, message: str, settings: GitSettings) -> Commit:
    """Make `directory` a git repository with one commit that holds every file in it.

    The commit is by the identity in `settings`, or by a made-up one where that has none. A trailer of its message
    names the tree.

    Raises:
        GitError: git failed; its own words are in the message.
    """
    name = settings.name if settings.name.strip(CRUD) else f"the {directory.name} authors"
    email = settings.email if settings.email.strip(CRUD) else f"{directory.name}@localhost"
    identity = {
        f"GIT_{role}_{key}": value
        for role in ("AUTHOR", "COMMITTER")
        for key, value in (("NAME", name), ("EMAIL", email))
    }
    with _no_git_variables():
        from git import Git, GitCommandError

        # By the path as an object: in a string GitPython takes $HOME for the variable, and Repo makes strings of paths.
        git = Git(directory)
        git.update_environment(**ALONE, **identity)
        try:
            git.init(initial_branch=settings.branch)
            # --force: the user's own list of ignored files is not the project's.
            git(c=[*OPTIONS, *ONE_PACK]).add(all=True, force=True)
            tree = git(c=OPTIONS).write_tree()
            message = f"{message}\n\n{GENERATED}: {tree}"
            git(c=OPTIONS).commit(quiet=True, message=message, no_verify=True, no_gpg_sign=True)
            return Commit(git(c=OPTIONS).rev_parse("HEAD"), settings.branch)
        except GitCommandError as error:
            said = error.stderr.strip().removeprefix("stderr:").strip(" '\n") or str(error)
            raise GitError(f"git failed: {said} (--no-git makes the project without a repository)") from error


def environment() -> dict[str, str]:
    """Return this process's environment, without what leads git to another repository."""
    return {key: value for key, value in os.environ.items() if not _leads_elsewhere(key)}


def _leads_elsewhere(variable: str) -> bool:
    # GIT_DIR, GIT_INDEX_FILE and so on, as git sets them for a hook, name a repository that is not ours;
    # GIT_CONFIG_GLOBAL and its like are the user's configuration.
    return variable.startswith("GIT_") and not variable.startswith("GIT_CONFIG")


@contextmanager
def _no_git_variables() -> Iterator[None]:
    hidden = {key: os.environ.pop(key) for key in list(os.environ) if key.startswith("GIT_")}
    try:
        yield
    finally:
        os.environ.update(hidden)
