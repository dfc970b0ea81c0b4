# SPDX-License-Identifier: BSD-2-Clause
"""A new repository with its first commit."""

import os
from dataclasses import dataclass
from pathlib import Path

from scaffold.errors import GitError
from scaffold.project.git import Git, GitSettings

# git removes these characters from both ends of a name, and refuses a name that has no others.
CRUD = " .,:;<>\"\\'" + "".join(map(chr, range(32)))

# This trailer names the tree as it was generated. If an edit is amended to the commit, the trailer no longer matches.
GENERATED = "Generated-Tree"

# The generator makes this commit, so the user's configuration must not change or break it.
ISOLATED = {
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_COUNT": "0",
    "GIT_CONFIG_PARAMETERS": "",
    "GIT_TEMPLATE_DIR": "",
}
OPTIONS = ("-c", "safe.directory=*")
# All files go into one pack: a file for each object takes most of the time and of the disk space. The pack needs no
# fsync, as the files of the project have none, and strong compression takes longer than everything else together.
ONE_PACK = ("-c", "core.bigFileThreshold=0", "-c", "core.fsync=none", "-c", "core.compression=1")


@dataclass(frozen=True)
class Commit:
    """A commit's full hash, and the branch that it is on."""

    hash: str
    branch: str


def create_repository(directory: Path, message: str, settings: GitSettings) -> Commit:
    """Make `directory` a git repository with one commit that contains every file in it.

    The author is the identity in `settings`. If `settings` has none, a name is made from the name of `directory`.
    A trailer of the commit message names the tree.

    Raises:
        GitError: git failed; the message contains git's own first line.
    """
    name = settings.name if settings.name.strip(CRUD) else f"the {directory.name} authors"
    email = settings.email if settings.email.strip(CRUD) else f"{directory.name}@localhost"
    identity = {
        f"GIT_{role}_{key}": value
        for role in ("AUTHOR", "COMMITTER")
        for key, value in (("NAME", name), ("EMAIL", email))
    }
    git = Git(directory, {**ISOLATED, **identity})
    try:
        git("init", "--quiet", f"--initial-branch={settings.branch}")
        # --force: the user's global list of ignored files does not apply to the project.
        git(*OPTIONS, *ONE_PACK, "add", "--all", "--force")
        tree = git(*OPTIONS, "write-tree").decode().strip()
        message = f"{message}\n\n{GENERATED}: {tree}"
        git(*OPTIONS, "commit", "--quiet", "--no-verify", "--no-gpg-sign", f"--message={message}")
        return Commit(git(*OPTIONS, "rev-parse", "HEAD").decode().strip(), settings.branch)
    except GitError as error:
        raise GitError(error.message, hint="--no-git creates the project without a repository") from error
