# SPDX-License-Identifier: BSD-2-Clause
"""A project as it was generated, before anybody edited it: what an update compares with."""

import os
from pathlib import Path

from scaffold.errors import UnavailableError, UsageError
from scaffold.generate.commit import TREE_TRAILER
from scaffold.generate.render import files_in, render_recorded
from scaffold.project.git import Git
from scaffold.project.record import RECORD, Record
from scaffold.update.archive import released_versions, unpack
from scaffold.update.checkout import Checkout
from scaffold.update.merge import Side, TreeId


def find_base(checkout: Checkout, record: Record, releases: Path, now: Path, place: Path) -> Side:
    """Return the project as it was generated: from the archive of templates, or from its own history.

    `now` is the project as it would be generated today; `place` is an empty directory to work in.

    Raises:
        UnavailableError: neither has it.
        DiskError, TemplateError, UsageError: it cannot be rendered again.
    """
    version = str(record.version)
    if version in released_versions(releases):
        template = unpack(version, record.framework, releases, place)
        (place / "made").mkdir()
        return render_recorded(record.answers, template, place / "made")
    commit, said, found = _first_commit(checkout)
    if commit and found and found == said:
        return TreeId(found)
    if commit and found and _tree_of(checkout, found) == _files_of(checkout, now):
        return TreeId(found)
    raise UnavailableError(_advice(checkout, version, commit))


def base_at_commit(checkout: Checkout, commit: str) -> TreeId:
    """Return the project as it is in `commit`.

    Raises:
        UsageError: it is not there.
    """
    found = _project_in(checkout, commit)
    if not found or not checkout.git.line("rev-parse", "--verify", "--quiet", f"{found}:{RECORD}"):
        raise UsageError(f"--base {commit}: there is no such commit here with {checkout.prefix}{RECORD} in it")
    return TreeId(found)


def _first_commit(checkout: Checkout) -> tuple[str, str, str]:
    """Return the commit that the record came with, the tree that it says it was made with, and the project's in it."""
    form = f"--format=%H %(trailers:key={TREE_TRAILER},valueonly,separator=%x20)"
    printed = Git(checkout.project).line("rev-list", "--max-count=1", "--no-commit-header", form, "HEAD", "--", RECORD)
    commit, _, said = printed.partition(" ")
    return commit, said.strip(), _project_in(checkout, commit) if commit else ""


def _project_in(checkout: Checkout, commit: str) -> str:
    tree = checkout.git.line("rev-parse", "--verify", "--quiet", "--end-of-options", f"{commit}^{{tree}}")
    if not tree or checkout.is_top:
        return tree
    return checkout.git.line("rev-parse", "--verify", "--quiet", f"{tree}:{checkout.prefix.rstrip('/')}")


def _tree_of(checkout: Checkout, tree: str) -> dict[str, tuple[str, str]]:
    entries = os.fsdecode(checkout.git("ls-tree", "-r", "-z", "--full-tree", tree)).split("\0")
    words = (entry.partition("\t") for entry in entries if entry)
    return {path: (about.split(" ")[0], about.split(" ")[2]) for about, _, path in words}


def _files_of(checkout: Checkout, root: Path) -> dict[str, tuple[str, str]]:
    names = files_in(root)
    paths = "".join(f"{root / name}\n" for name in names)
    blobs = checkout.git("hash-object", "--no-filters", "--stdin-paths", stdin=os.fsencode(paths)).decode().split()
    modes = ("100755" if (root / name).stat().st_mode & 0o100 else "100644" for name in names)
    return dict(zip(names, zip(modes, blobs, strict=True), strict=True))


def _advice(checkout: Checkout, version: str, commit: str) -> str:
    why = f"the project was made by ebpf-new {version}, and the templates of that version are not known here"
    if checkout.git.line("rev-parse", "--is-shallow-repository") == "true":
        return f"{why}; its own history may know, but this clone has none of it; type: git fetch --unshallow"
    example = commit[:10] or "COMMIT"
    return (
        f"{why}; name the commit that has the project as it was made, without an edit of yours, by --base; if it is"
        f" the one that {RECORD} came with, type: ebpf-new update --base {example}"
    )
