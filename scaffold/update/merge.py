# SPDX-License-Identifier: BSD-2-Clause
"""Three trees become one, by git, beside the user's repository and without a change in it.

The merge is done in a bare repository of its own, which borrows the user's objects. Its branches have the names that
git writes at the conflict markers. The trees are those of the whole repository, of which a project may be a
directory: so paths, and with them attributes, are what they are for the user.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import NewType

from scaffold.errors import DiskError
from scaffold.generate.render import files_in
from scaffold.project.git import Git
from scaffold.update.checkout import Checkout

TreeId = NewType("TreeId", str)
Side = Path | TreeId  # of a merge: a directory, or a tree that the repository has

MADE, YOURS = "generated", "yours"
NOBODY = b"committer ebpf-new <ebpf-new@localhost> 0 +0000\ndata 0\n"
# A file is followed where it was renamed to; where its neighbours went says nothing of a new one.
QUICK = ("-c", "core.fsync=none")  # nobody needs the repository after a crash
HOW = ("-c", "merge.renames=true", "-c", "merge.directoryRenames=false")
GONE = "0" * 6  # the mode of what is not there


@dataclass(frozen=True)
class Blob:
    """A file as git holds it."""

    mode: str
    id: str


@dataclass(frozen=True)
class FileChange:
    """What becomes of a file: None is not there."""

    path: str  # from the top of the work tree, as all paths here
    old: Blob | None
    new: Blob | None


class Resolution(StrEnum):
    """What a merge made of a file that could not be merged."""

    CONFLICT = "conflict"
    STAYS_DELETED = "stays deleted"  # the user deleted it, the templates changed it
    STAYS = "stays"  # the user changed it, the templates dropped it


@dataclass(frozen=True)
class Unmerged:
    """A file that could not be merged, and why in git's words, such as "contents" or "modify/delete"."""

    path: str
    fate: Resolution
    why: str


@dataclass(frozen=True)
class Merged:
    """What a merge changes in the work tree, and what it leaves to the user: the index's entries by stage."""

    changes: tuple[FileChange, ...]
    unmerged: Mapping[str, Mapping[int, Blob]]
    specials: tuple[Unmerged, ...]


@dataclass(frozen=True)
class MergeRepository:
    """The repository of its own in which trees of `checkout` are merged. Make it with `make_merge_repository`."""

    checkout: Checkout
    root: Path

    @property
    def git(self) -> Git:
        """git that has this repository's objects and branches, and the user's work tree for its attributes."""
        return Git(self.checkout.top, {"GIT_DIR": str(self.root), "GIT_WORK_TREE": str(self.checkout.top)})

    @property
    def borrowed(self) -> Git:
        """git in the user's repository that has this repository's objects too, and writes none into the user's."""
        return self.checkout.git.with_variables(GIT_OBJECT_DIRECTORY=str(self.root / "objects"))


def make_merge_repository(checkout: Checkout, directory: Path) -> MergeRepository:
    """Make a repository in `directory`, which exists.

    Raises:
        DiskError, GitError: it cannot be made.
    """
    root = directory / "repository"
    form = f"--object-format={checkout.object_format}"
    Git(directory)("init", "--quiet", "--bare", "--template=", form, str(root))
    try:
        (root / "objects/info").mkdir(exist_ok=True)
        (root / "objects/info/alternates").write_bytes(os.fsencode(checkout.objects) + b"\n")
    except OSError as error:
        raise DiskError(f"cannot write in {directory}: {error.strerror}") from error
    return MergeRepository(checkout, root)


def add_sides(repository: MergeRepository, made: Side, theirs: Side, label: str) -> None:
    """Add three commits: the project as it was generated, and based on it the user's tree, and `theirs` at `label`.

    Raises:
        DiskError, GitError: they cannot be made.
    """
    checkout = repository.checkout
    parts = [
        *_commit(MADE, "", checkout, made),
        *_commit(YOURS, MADE, checkout, None),
        *_commit(label, MADE, checkout, theirs),
    ]
    repository.git(*QUICK, "fast-import", "--quiet", stdin=b"".join(parts))


def drop_replaced(repository: MergeRepository, label: str) -> list[Unmerged]:
    """Leave out what the user has a file or link in place of: the directory of it, with all that newer templates add.

    Return the files that would have come.

    Raises:
        GitError: git cannot.
    """
    raw = repository.git("diff-tree", "-r", "-z", "--name-status", "--no-renames", MADE, YOURS)
    words = os.fsdecode(raw).split("\0")
    states = dict(zip(words[1::2], words[::2], strict=False))
    left = {str(parent) for path, state in states.items() if state == "D" for parent in Path(path).parents}
    replaced = sorted(path for path, state in states.items() if state == "A" and path in left)
    if not replaced:
        return []
    shed = [path for path in differing(repository, label) if any(path.startswith(f"{each}/") for each in replaced)]
    tree = repository.git.line("rev-parse", f"{label}^{{tree}}")
    without = b"".join(b"D " + _quoted(each) + b"\n" for each in replaced)
    parts = [
        *(_head(MADE, f"{MADE}^0"), without),
        *(_head(YOURS, MADE), _root(repository.checkout.head)),
        *(_head(label, MADE), _root(tree), without),
    ]
    repository.git(*QUICK, "fast-import", "--quiet", "--force", stdin=b"".join(parts))
    return [Unmerged(path, Resolution.STAYS_DELETED, "file/directory") for path in shed]


def differing(repository: MergeRepository, label: str) -> list[str]:
    """Return the paths in which the project at `label` differs from the one that was made."""
    found = repository.git("diff-tree", "-r", "-z", "--name-only", "--no-renames", MADE, label)
    return [path for path in os.fsdecode(found).split("\0") if path]


def merge(repository: MergeRepository, label: str) -> Merged:
    """Merge what is at `label` into the user's.

    Raises:
        GitError: git cannot.
    """
    # Its exit status is 1 when there are conflicts.
    printed = repository.git(*HOW, "merge-tree", "--write-tree", "-z", YOURS, label, statuses=(0, 1))
    tree, *words = os.fsdecode(printed).split("\0")
    end = words.index("") if "" in words else len(words)
    stages = _stages(words[:end])
    specials = tuple(_specials(stages, dict(_conflicts(words[end + 1 :]))))
    settled = {each.path for each in specials if each.fate is not Resolution.CONFLICT}
    absent = {each.path for each in specials if each.fate is Resolution.STAYS_DELETED}
    changes = [change for change in _changes(repository, tree) if change.path not in absent]
    unmerged = {path: found for path, found in stages.items() if path not in settled}
    return Merged(tuple(changes), unmerged, specials)


def copy_objects(repository: MergeRepository, merged: Merged) -> None:
    """Copy the files that a merge made into the user's repository.

    Raises:
        GitError: they cannot be written.
    """
    wanted = {change.new.id for change in merged.changes if change.new}
    wanted |= {blob.id for stages in merged.unmerged.values() for blob in stages.values()}
    pack = repository.git("pack-objects", "--quiet", "--stdout", stdin="".join(f"{each}\n" for each in wanted).encode())
    repository.checkout.git("unpack-objects", "-q", stdin=pack)


def _commit(branch: str, parent: str, checkout: Checkout, side: Side | None) -> Iterator[bytes]:
    """Yield what has fast-import commit the user's tree to `branch`, with `side` for the project in it."""
    yield _head(branch, parent)
    place = _quoted(checkout.prefix.rstrip("/"))
    if side is None or not checkout.is_top:
        yield _root(checkout.head)
    if side is None:
        return
    if isinstance(side, str):
        yield f"M 040000 {side} ".encode() + place + b"\n"
        return
    yield b"deleteall\n" if checkout.is_top else b"D " + place + b"\n"
    try:
        for name in files_in(side):
            path, data = side / name, (side / name).read_bytes()
            mode = "100755" if path.stat().st_mode & 0o100 else "100644"
            yield f"M {mode} inline ".encode() + _quoted(checkout.prefix + name) + f"\ndata {len(data)}\n".encode()
            yield data + b"\n"
    except OSError as error:
        raise DiskError(f"cannot read {error.filename}: {error.strerror}") from error


def _head(branch: str, parent: str) -> bytes:
    above = f"from refs/heads/{parent}\n" if parent else ""
    return f"commit refs/heads/{branch}\n".encode() + NOBODY + above.encode()


def _root(tree: str) -> bytes:
    return f'M 040000 {tree} ""\n'.encode()


def _quoted(path: str) -> bytes:
    plain = os.fsencode(path)
    return b'"' + plain.replace(b"\\", b"\\\\").replace(b'"', b'\\"').replace(b"\n", b"\\n") + b'"'


def _stages(entries: Sequence[str]) -> dict[str, dict[int, Blob]]:
    found: dict[str, dict[int, Blob]] = {}
    for entry in entries:
        data, _, path = entry.partition("\t")
        mode, blob, stage = data.split(" ")
        found.setdefault(path, {})[int(stage)] = Blob(mode, blob)
    return found


def _conflicts(words: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield the path and the kind of each conflict. A message is a number of paths, these, its kind, and a text."""
    rest = iter(words)
    for number in rest:
        if not number:
            return
        paths = [next(rest) for _ in range(int(number))]
        kind, _ = next(rest), next(rest)
        if kind.startswith("CONFLICT"):
            yield from ((path, kind.removeprefix("CONFLICT (").removesuffix(")")) for path in paths)


def _specials(stages: Mapping[str, Mapping[int, Blob]], kinds: Mapping[str, str]) -> Iterator[Unmerged]:
    """Yield what becomes of each file that git could not merge. Stage 1 is as made, 2 the user's, 3 the new one."""
    settled = {frozenset({1, 3}): Resolution.STAYS_DELETED, frozenset({1, 2}): Resolution.STAYS}
    for path, found in stages.items():
        why = kinds.get(path, "conflict")
        fate = settled.get(frozenset(found)) if why.endswith("/delete") else None
        yield Unmerged(path, fate or Resolution.CONFLICT, why)


def _changes(repository: MergeRepository, tree: str) -> Iterator[FileChange]:
    raw = repository.git(
        "diff-tree", "-r", "-z", "--raw", "--no-renames", "--no-abbrev", repository.checkout.head, tree
    )
    words = iter(os.fsdecode(raw).split("\0"))
    for word in words:
        if not word:
            return
        old_mode, new_mode, old, new, _ = word.removeprefix(":").split(" ")
        path = next(words)
        yield FileChange(
            path, *(None if mode == GONE else Blob(mode, blob) for mode, blob in ((old_mode, old), (new_mode, new)))
        )
