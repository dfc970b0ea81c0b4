# SPDX-License-Identifier: BSD-2-Clause
"""The git repository of a new project, with its first commit."""

import os
from dataclasses import dataclass
from pathlib import Path

from scaffold.errors import GitError
from scaffold.project.git import Git, GitSettings

# git strips these characters from both ends of a name, and rejects a name that consists of them (git's ident.c).
CRUD = " .,:;<>\"\\'" + "".join(map(chr, range(32)))

# The trailer of the first commit that contains the generated tree. If the user amends the commit, the trees differ.
TREE_TRAILER = "Generated-Tree"

# The user's configuration must neither change nor break the first commit.
ISOLATION = {
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_COUNT": "0",
    "GIT_CONFIG_PARAMETERS": "",
    "GIT_TEMPLATE_DIR": "",
    "GIT_ATTR_NOSYSTEM": "1",
    "XDG_CONFIG_HOME": os.devnull,  # without git/attributes and git/ignore
}
# The repository needs no fsync, because the files of the project have none either.
OPTIONS = ("-c", "safe.directory=*", "-c", "core.fsync=none")
# All files go into one pack: one object file for each of them takes most of the time and disk space. Stronger
# compression takes longer than the other commands together.
PACK_OPTIONS = ("-c", "core.bigFileThreshold=0", "-c", "core.compression=1")


@dataclass(frozen=True)
class Commit:
    """The full hash of a commit, and its branch."""

    hash: str
    branch: str


def create_repository(directory: Path, message: str, settings: GitSettings) -> Commit:
    """Create a git repository in `directory`, with one commit that contains every file, and return that commit.

    The author is the identity in `settings`, or one that is derived from the name of `directory`. A trailer of the
    commit message contains the hash of the tree.

    Raises:
        GitError: git failed; the message contains the first line of git's message.
    """
    name = settings.name if settings.name.strip(CRUD) else f"the {directory.name} authors"
    email = settings.email if settings.email.strip(CRUD) else f"{directory.name}@localhost"
    identity = {
        f"GIT_{role}_{key}": value
        for role in ("AUTHOR", "COMMITTER")
        for key, value in (("NAME", name), ("EMAIL", email))
    }
    git = Git(directory, {**ISOLATION, **identity})
    try:
        git("init", "--quiet", f"--initial-branch={settings.branch}")
        # --force, because the commit must also contain a file that the project's own .gitignore lists.
        git(*OPTIONS, *PACK_OPTIONS, "add", "--all", "--force")
        tree = git(*OPTIONS, "write-tree").decode().strip()
        message = f"{message}\n\n{TREE_TRAILER}: {tree}"
        git(*OPTIONS, "commit", "--quiet", "--no-verify", "--no-gpg-sign", f"--message={message}")
        return Commit(git(*OPTIONS, "rev-parse", "HEAD").decode().strip(), settings.branch)
    except GitError as error:
        raise GitError(error.message, hint="--no-git creates the project without a repository") from error
