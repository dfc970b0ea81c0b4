# SPDX-License-Identifier: BSD-2-Clause
"""The only module that calls git: one command at a time, the user's settings, and the commit of a repository."""

import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from scaffold.errors import GitError

# Hooks run for what the user does, not for what this command does.
ALWAYS = ("-c", "core.hooksPath=" + os.devnull, "-c", "gc.auto=0", "-c", "maintenance.auto=false")
# A read-only repository must stay readable, so a command that only reads takes no lock.
ENVIRONMENT = {"GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C.UTF-8"}
SETTINGS = r"^((user|author)\.(name|email)|init\.defaultbranch)$"


@dataclass(frozen=True)
class Git:
    """git in `directory`, with the user's configuration and with `variables` added to its environment."""

    directory: Path
    variables: Mapping[str, str] = field(default_factory=dict)

    def __call__(self, *arguments: str, given: bytes = b"", good: tuple[int, ...] = (0,)) -> bytes:
        """Run a command with `given` on its standard input, and return its standard output.

        Raises:
            GitError: the exit status is not one of `good`; the message contains git's own first line.
        """
        done = self.run(*arguments, given=given)
        if done.returncode not in good:
            message = done.stderr.decode(errors="replace").strip() or f"exit status {done.returncode}"
            name = next(word for word in arguments if word[0] != "-" and "=" not in word)
            raise GitError(f"git {name} failed: {message.splitlines()[0]}")
        return done.stdout

    def run(self, *arguments: str, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        """Run a command and return its result, whatever its exit status is.

        Raises:
            GitError: git cannot be started.
        """
        command = ["git", *ALWAYS, *arguments]
        variables = {**_environment(), **ENVIRONMENT, **self.variables}
        try:
            return subprocess.run(
                command, cwd=self.directory, env=variables, input=given, capture_output=True, check=False
            )
        except OSError as error:
            raise GitError(f"git cannot be started: {error.strerror}") from error

    def having(self, **variables: str) -> "Git":
        """Return the same git with more environment variables."""
        return replace(self, variables={**self.variables, **variables})

    def line(self, *arguments: str) -> str:
        """Return the one line that a command prints, or "" if the command fails."""
        done = self.run(*arguments)
        return os.fsdecode(done.stdout).removesuffix("\n") if done.returncode == 0 else ""


@dataclass(frozen=True)
class GitSettings:
    """The user's git configuration; "" for a value that is not set."""

    name: str = ""
    email: str = ""
    branch: str = "main"


def git_is_installed() -> bool:
    """Return whether there is a git command on PATH."""
    return shutil.which("git") is not None


def read_git_settings(directory: Path) -> GitSettings:
    """Return the git configuration that applies in `directory`; the defaults if git cannot read it."""
    try:
        return _read_git_settings(Git(directory))
    except GitError:
        return GitSettings()


def _read_git_settings(git: Git) -> GitSettings:
    done = git.run("-c", "safe.directory=*", "config", "--includes", "-z", "--get-regexp", SETTINGS)
    configured = done.stdout.decode(errors="replace") if done.returncode == 0 else ""
    found = dict(entry.partition("\n")[::2] for entry in configured.split("\0"))
    branch = found.get("init.defaultbranch", "")
    if branch and git.run("check-ref-format", "--branch", branch).returncode:
        branch = ""
    name = os.environ.get("GIT_AUTHOR_NAME") or found.get("author.name") or found.get("user.name", "")
    email = os.environ.get("GIT_AUTHOR_EMAIL") or found.get("author.email") or found.get("user.email", "")
    return GitSettings(name.strip(), email.strip(), branch or GitSettings.branch)


def read_head(directory: Path) -> str:
    """Return the full hash of the commit that HEAD of the repository `directory` leads to; "" if there is none."""
    # GitPython reads the reference files in this process: for a course of a thousand repositories that saves a
    # thousand processes. Its import takes 90 ms, so every other call runs git itself.
    from git import GitError as AnyGitError
    from git import Repo

    try:
        with Repo(directory) as repo:
            return str(repo.head.dereference_recursive(repo, "HEAD"))
    except (AnyGitError, OSError, ValueError):
        return ""


def _environment() -> dict[str, str]:
    """Return this process's environment without the variables that lead git to another repository.

    git sets GIT_DIR, GIT_INDEX_FILE and similar variables for a hook. GIT_CONFIG_GLOBAL and similar variables are the
    user's configuration.
    """
    return {
        key: value for key, value in os.environ.items() if not key.startswith("GIT_") or key.startswith("GIT_CONFIG")
    }
