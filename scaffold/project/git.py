# SPDX-License-Identifier: BSD-2-Clause
"""The only module that calls git: one command at a time, the user's settings, and the commit of a repository."""

import os
import shutil
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from scaffold.errors import GitError

# The user's hooks are for the user's commands. Housekeeping would compete with the commands that follow.
GLOBAL_OPTIONS = ("-c", "core.hooksPath=" + os.devnull, "-c", "gc.auto=0", "-c", "maintenance.auto=false")
# Without optional locks, commands that only read also work in a read-only repository.
ENVIRONMENT = {"GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C.UTF-8"}
SETTINGS = r"^((user|author)\.(name|email)|init\.defaultbranch)$"


@dataclass(frozen=True)
class Git:
    """git in `directory`, with the user's configuration and with `variables` added to its environment."""

    directory: Path
    variables: Mapping[str, str] = field(default_factory=dict)

    def __call__(self, *arguments: str, stdin: bytes = b"", statuses: tuple[int, ...] = (0,)) -> bytes:
        """Run a git command with `stdin` as its standard input, and return its standard output.

        Raises:
            GitError: the exit status is not one of `statuses`; the message contains the first line of git's message.
        """
        result = self.run(*arguments, stdin=stdin)
        if result.returncode not in statuses:
            message = result.stderr.decode(errors="replace").strip() or f"exit status {result.returncode}"
            command = next(word for word in arguments if word[0] != "-" and "=" not in word)
            raise GitError(f"git {command} failed: {message.splitlines()[0]}")
        return result.stdout

    def run(self, *arguments: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        """Run a git command and return its result, whatever its exit status is.

        Raises:
            GitError: git cannot be started.
        """
        command = ["git", *GLOBAL_OPTIONS, *arguments]
        environment = {**_inherited_environment(), **ENVIRONMENT, **self.variables}
        try:
            return subprocess.run(
                command, cwd=self.directory, env=environment, input=stdin, capture_output=True, check=False
            )
        except OSError as error:
            raise GitError(f"cannot start git: {error.strerror}") from error

    def line(self, *arguments: str) -> str:
        """Return the standard output of a command without the final line end, or "" if the command fails."""
        result = self.run(*arguments)
        return os.fsdecode(result.stdout).removesuffix("\n") if result.returncode == 0 else ""

    def with_variables(self, **variables: str) -> "Git":
        """Return the same git with more environment variables."""
        return replace(self, variables={**self.variables, **variables})


@dataclass(frozen=True)
class GitSettings:
    """The user's git configuration; "" for a name or address that is not set."""

    name: str = ""
    email: str = ""
    branch: str = "main"


def git_is_installed() -> bool:
    """Return whether there is a git command on PATH."""
    return shutil.which("git") is not None


def read_git_settings(directory: Path) -> GitSettings:
    """Return the git settings that apply in `directory`; the defaults if git cannot read its configuration."""
    git = Git(directory)
    configured: dict[str, str] = {}
    branch = ""
    with suppress(GitError):  # without git, the environment still has an author
        result = git.run("-c", "safe.directory=*", "config", "--includes", "-z", "--get-regexp", SETTINGS)
        output = result.stdout.decode(errors="replace") if result.returncode == 0 else ""
        configured = dict(entry.partition("\n")[::2] for entry in output.split("\0"))
        branch = configured.get("init.defaultbranch", "")
        if branch and git.run("check-ref-format", "--branch", branch).returncode:
            branch = ""
    name = os.environ.get("GIT_AUTHOR_NAME") or configured.get("author.name") or configured.get("user.name", "")
    email = os.environ.get("GIT_AUTHOR_EMAIL") or configured.get("author.email") or configured.get("user.email", "")
    return GitSettings(name.strip(), email.strip(), branch or GitSettings.branch)


def read_head(directory: Path) -> str:
    """Return the full hash of the commit at HEAD of the repository `directory`, or "" if there is none."""
    # GitPython reads reference files without a process, which matters for a course of a thousand repositories. Its
    # import takes 90 ms, so everything else runs git.
    from git import GitError as GitPythonError
    from git import Repo

    try:
        with Repo(directory) as repository:
            return str(repository.head.dereference_recursive(repository, "HEAD"))
    except (GitPythonError, OSError, ValueError):
        return ""


def _inherited_environment() -> dict[str, str]:
    """Return this process's environment without the variables that direct git to another repository.

    git sets GIT_DIR, GIT_INDEX_FILE and similar variables when it runs a hook. GIT_CONFIG_GLOBAL and similar variables
    are part of the user's configuration.
    """
    return {
        key: value for key, value in os.environ.items() if not key.startswith("GIT_") or key.startswith("GIT_CONFIG")
    }
