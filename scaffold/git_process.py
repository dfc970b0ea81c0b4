# SPDX-License-Identifier: BSD-2-Clause
"""One git command at a time, with its own words when it fails."""

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from scaffold.errors import GitError
from scaffold.repo import environment

# Hooks are for what the user does. What only looks must not write, since the repository may be read-only.
ALWAYS = ("-c", "core.hooksPath=" + os.devnull, "-c", "gc.auto=0", "-c", "maintenance.auto=false")
SURROUNDINGS = {"GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C.UTF-8"}


@dataclass(frozen=True)
class Git:
    """git in `directory`, as the user has configured it, with more variables in its environment."""

    directory: Path
    variables: Mapping[str, str] = field(default_factory=dict)

    def __call__(self, *arguments: str, given: bytes = b"", good: tuple[int, ...] = (0,)) -> bytes:
        """Run a command with `given` on its stdin, and return what it printed.

        Raises:
            GitError: its exit status is not among the `good` ones.
        """
        done = self.run(*arguments, given=given)
        if done.returncode not in good:
            said = done.stderr.decode(errors="replace").strip() or f"it ended with {done.returncode}"
            name = next(word for word in arguments if word[0] != "-" and "=" not in word)
            raise GitError(f"git {name} failed: {said.splitlines()[0]}")
        return done.stdout

    def run(self, *arguments: str, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        """Run a command, whatever it ends with.

        Raises:
            GitError: there is no git.
        """
        command = ["git", *ALWAYS, *arguments]
        variables = {**environment(), **SURROUNDINGS, **self.variables}
        try:
            return subprocess.run(
                command, cwd=self.directory, env=variables, input=given, capture_output=True, check=False
            )
        except OSError as error:
            raise GitError(f"git cannot be started: {error.strerror}") from error

    def having(self, **variables: str) -> "Git":
        """Return the same with further variables."""
        return replace(self, variables={**self.variables, **variables})

    def line(self, *arguments: str) -> str:
        """Return the one line that a command prints; "" when it fails."""
        done = self.run(*arguments)
        return os.fsdecode(done.stdout).removesuffix("\n") if done.returncode == 0 else ""
