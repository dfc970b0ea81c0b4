# SPDX-License-Identifier: BSD-2-Clause
"""A three-way merge by git that changes nothing in the user's repository.

The merge runs in a separate bare repository, which borrows the user's objects. Its three commits contain the whole tree
of the user's repository, even if the project is only a directory of it: so paths, and the attributes that depend on
them, are those that the user sees. git writes the names of the branches to the conflict markers.
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
ProjectTree = Path | TreeId  # the files of a project: in a directory, or in a tree of the user's repository

BASE, OURS = "generated", "yours"  # branches; the branch of the new templates is `MergeRepository.theirs`
COMMITTER = b"committer ebpf-new <ebpf-new@localhost> 0 +0000\ndata 0\n"
NO_FSYNC = ("-c", "core.fsync=none")  # nobody needs the repository after a crash
# The merge follows a renamed file, but does not move new files because their neighbours moved.
MERGE_OPTIONS = ("-c", "merge.renames=true", "-c", "merge.directoryRenames=false")
MISSING_MODE = "000000"  # git's mode of a file that does not exist


@dataclass(frozen=True)
class Blob:
    """The content of a file in git."""

    mode: str  # octal digits, such as 100644
    id: str


class ChangeKind(StrEnum):
    """What an update does to a file that git merged."""

    ADDED = "added"
    CHANGED = "changed"
    REMOVED = "removed"


@dataclass(frozen=True)
class FileChange:
    """A file before and after a merge. None means that the file does not exist."""

    path: str  # relative to the top of the work tree, like all paths in this module
    old: Blob | None
    new: Blob | None

    @property
    def kind(self) -> ChangeKind:
        """Whether the file is added, changed or removed."""
        if not self.old:
            return ChangeKind.ADDED
        return ChangeKind.CHANGED if self.new else ChangeKind.REMOVED


class Resolution(StrEnum):
    """What an update does to a file that git could not merge."""

    CONFLICT = "conflict"  # the user must resolve it
    STAYS_DELETED = "stays deleted"  # the user deleted it, the templates changed it
    STAYS = "stays"  # the user changed it, the templates dropped it


@dataclass(frozen=True)
class UnmergedFile:
    """A file that git could not merge. `why` is git's word for the conflict, such as "contents" or "modify/delete"."""

    path: str
    resolution: Resolution
    why: str


@dataclass(frozen=True)
class MergeResult:
    """The outcome of a merge. `stages` has git's index entries of each conflict: 1 is base, 2 is ours, 3 is theirs."""

    changes: tuple[FileChange, ...]
    stages: Mapping[str, Mapping[int, Blob]]
    unmerged: tuple[UnmergedFile, ...]


@dataclass(frozen=True)
class MergeRepository:
    """The bare repository in which the trees of `checkout` are merged; `create_merge_repository` creates it."""

    checkout: Checkout
    root: Path
    theirs: str  # the branch with the project by the new templates

    @property
    def git(self) -> Git:
        """git with the objects and branches of this repository, and the attributes of the user's work tree."""
        return Git(self.checkout.top, {"GIT_DIR": str(self.root), "GIT_WORK_TREE": str(self.checkout.top)})

    @property
    def user_git(self) -> Git:
        """git in the user's repository, which reads the objects of both repositories and writes objects to this one."""
        return self.checkout.git.with_variables(GIT_OBJECT_DIRECTORY=str(self.root / "objects"))


def create_merge_repository(checkout: Checkout, directory: Path, theirs: str) -> MergeRepository:
    """Create an empty repository in `directory`, which exists. `theirs` is the branch for the new templates.

    Raises:
        DiskError, GitError: it cannot be created.
    """
    root = directory / "repository"
    object_format = f"--object-format={checkout.object_format}"
    Git(directory)("init", "--quiet", "--bare", "--template=", object_format, str(root))
    try:
        (root / "objects/info").mkdir(exist_ok=True)
        (root / "objects/info/alternates").write_bytes(os.fsencode(checkout.objects_directory) + b"\n")
    except OSError as error:
        raise DiskError(f"cannot write in {directory}: {error.strerror}") from error
    return MergeRepository(checkout, root, theirs)


def commit_trees(repository: MergeRepository, base: ProjectTree, theirs: ProjectTree) -> None:
    """Commit the three trees: `base`, the project as generated, and on top of it the user's tree and `theirs`.

    Raises:
        DiskError: a file cannot be read.
        GitError: git cannot write the commits.
    """
    checkout = repository.checkout
    commands = [
        *_commit_project(BASE, "", checkout, base),
        _start_commit(OURS, BASE),
        _set_root(checkout.head_tree),
        *_commit_project(repository.theirs, BASE, checkout, theirs),
    ]
    _fast_import(repository, commands)


def list_template_changes(repository: MergeRepository) -> list[str]:
    """Return the paths of the files in which the new templates differ from the base."""
    output = repository.git("diff-tree", "-r", "-z", "--name-only", "--no-renames", BASE, repository.theirs)
    return [path for path in os.fsdecode(output).split("\0") if path]


def drop_replaced_directories(repository: MergeRepository) -> list[UnmergedFile]:
    """Remove from base and theirs each directory that the user replaced by a file or a link, so that it stays replaced.

    Return the files in these directories that the new templates changed.

    Raises:
        GitError: git failed.
    """
    output = repository.git("diff-tree", "-r", "-z", "--name-status", "--no-renames", BASE, OURS)
    fields = os.fsdecode(output).split("\0")
    statuses = dict(zip(fields[1::2], fields[::2], strict=False))
    parents_of_deleted = {
        str(parent) for path, status in statuses.items() if status == "D" for parent in Path(path).parents
    }
    replaced = sorted(path for path, status in statuses.items() if status == "A" and path in parents_of_deleted)
    if not replaced:
        return []
    dropped = [
        path
        for path in list_template_changes(repository)
        if any(path.startswith(f"{directory}/") for directory in replaced)
    ]
    theirs = repository.theirs
    theirs_tree = repository.git.line("rev-parse", f"{theirs}^{{tree}}")
    delete = b"".join(b"D " + quote_path(directory) + b"\n" for directory in replaced)
    commands = [
        _start_commit(BASE, f"{BASE}^0"),
        delete,
        _start_commit(OURS, BASE),
        _set_root(repository.checkout.head_tree),
        _start_commit(theirs, BASE),
        _set_root(theirs_tree),
        delete,
    ]
    _fast_import(repository, commands, "--force")
    return [UnmergedFile(path, Resolution.STAYS_DELETED, "file/directory") for path in dropped]


def merge(repository: MergeRepository) -> MergeResult:
    """Merge the branch of the new templates into the user's.

    Raises:
        GitError: git failed.
    """
    # The exit status is 1 if there are conflicts.
    output = repository.git(
        *MERGE_OPTIONS, "merge-tree", "--write-tree", "-z", OURS, repository.theirs, statuses=(0, 1)
    )
    tree, *fields = os.fsdecode(output).split("\0")
    end = fields.index("") if "" in fields else len(fields)
    stages = parse_stages(fields[:end])
    unmerged = tuple(resolve_unmerged(stages, dict(parse_conflicts(fields[end + 1 :]))))
    resolved = {file.path for file in unmerged if file.resolution is not Resolution.CONFLICT}
    deleted = {file.path for file in unmerged if file.resolution is Resolution.STAYS_DELETED}
    return MergeResult(
        tuple(change for change in _list_changes(repository, tree) if change.path not in deleted),
        {path: blobs for path, blobs in stages.items() if path not in resolved},
        unmerged,
    )


def copy_objects(repository: MergeRepository, result: MergeResult) -> None:
    """Copy the blobs of `result` to the user's repository.

    Raises:
        GitError: git cannot write them.
    """
    blobs = {change.new.id for change in result.changes if change.new}
    blobs |= {blob.id for stages in result.stages.values() for blob in stages.values()}
    pack = repository.git("pack-objects", "--quiet", "--stdout", stdin="".join(f"{blob}\n" for blob in blobs).encode())
    repository.checkout.git("unpack-objects", "-q", stdin=pack)


def _fast_import(repository: MergeRepository, commands: Sequence[bytes], *options: str) -> None:
    # The format of the commands is in git-fast-import(1).
    repository.git(*NO_FSYNC, "fast-import", "--quiet", *options, stdin=b"".join(commands))


def _commit_project(branch: str, parent: str, checkout: Checkout, files: ProjectTree) -> Iterator[bytes]:
    """Yield the commands that commit the user's tree to `branch`, with `files` in place of the project."""
    yield _start_commit(branch, parent)
    project = quote_path(checkout.prefix.rstrip("/"))
    if not checkout.is_whole_repository:
        yield _set_root(checkout.head_tree)
    if isinstance(files, str):
        yield f"M 040000 {files} ".encode() + project + b"\n"
        return
    yield b"deleteall\n" if checkout.is_whole_repository else b"D " + project + b"\n"
    try:
        for name in files_in(files):
            path = files / name
            data, mode = path.read_bytes(), "100755" if path.stat().st_mode & 0o100 else "100644"
            yield f"M {mode} inline ".encode() + quote_path(checkout.prefix + name) + f"\ndata {len(data)}\n".encode()
            yield data + b"\n"
    except OSError as error:
        raise DiskError(f"cannot read {error.filename}: {error.strerror}") from error


def _start_commit(branch: str, parent: str) -> bytes:
    source = f"from refs/heads/{parent}\n" if parent else ""
    return f"commit refs/heads/{branch}\n".encode() + COMMITTER + source.encode()


def _set_root(tree: str) -> bytes:
    return f'M 040000 {tree} ""\n'.encode()


def quote_path(path: str) -> bytes:
    """Return `path` as git-fast-import(1) reads it."""
    return b'"' + os.fsencode(path).replace(b"\\", b"\\\\").replace(b'"', b'\\"').replace(b"\n", b"\\n") + b'"'


def parse_stages(entries: Sequence[str]) -> dict[str, dict[int, Blob]]:
    """Return the blobs of each path by stage. An entry is MODE HASH STAGE, a tab and PATH; see git-merge-tree(1)."""
    stages: dict[str, dict[int, Blob]] = {}
    for entry in entries:
        columns, _, path = entry.partition("\t")
        mode, blob, stage = columns.split(" ")
        stages.setdefault(path, {})[int(stage)] = Blob(mode, blob)
    return stages


def parse_conflicts(fields: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield the path and the kind of each conflict.

    A message is the number of its paths, the paths, a kind such as "CONFLICT (contents)", and a text; see
    git-merge-tree(1).
    """
    rest = iter(fields)
    for number in rest:
        if not number:
            return
        paths = [next(rest) for _ in range(int(number))]
        kind, _text = next(rest), next(rest)
        if kind.startswith("CONFLICT"):
            yield from ((path, kind.removeprefix("CONFLICT (").removesuffix(")")) for path in paths)


def resolve_unmerged(stages: Mapping[str, Mapping[int, Blob]], kinds: Mapping[str, str]) -> Iterator[UnmergedFile]:
    """Yield the resolution of each file with `stages`. One side of a "modify/delete" conflict has no stage."""
    resolutions = {frozenset({1, 3}): Resolution.STAYS_DELETED, frozenset({1, 2}): Resolution.STAYS}
    for path, blobs in stages.items():
        kind = kinds.get(path, "conflict")
        resolution = resolutions.get(frozenset(blobs)) if kind.endswith("/delete") else None
        yield UnmergedFile(path, resolution or Resolution.CONFLICT, kind)


def _list_changes(repository: MergeRepository, tree: str) -> Iterator[FileChange]:
    """Yield the differences between the user's tree and `tree`. The raw format is in git-diff-tree(1)."""
    head = repository.checkout.head_tree
    output = repository.git("diff-tree", "-r", "-z", "--raw", "--no-renames", "--no-abbrev", head, tree)
    fields = iter(os.fsdecode(output).split("\0"))
    for columns in fields:
        if not columns:
            return
        old_mode, new_mode, old, new, _ = columns.removeprefix(":").split(" ")
        yield FileChange(next(fields), _blob(old_mode, old), _blob(new_mode, new))


def _blob(mode: str, name: str) -> Blob | None:
    return None if mode == MISSING_MODE else Blob(mode, name)
