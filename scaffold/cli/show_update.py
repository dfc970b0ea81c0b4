# SPDX-License-Identifier: BSD-2-Clause
"""What `ebpf-new update` prints, for people and as JSON."""

import json
import os
import shlex
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from scaffold.update.update import Change, Mode, Updated
from scaffold.vmtest.printable import printable

IN_WORDS = {"contents": "both changed the same lines"}  # the most common of git's own words


def show_update(updated: Updated, as_json: bool) -> None:
    """Print what has changed or would change, and what to type next."""
    if as_json:
        print(json.dumps(_object(updated), indent=2))
        return
    if not updated.files:
        print(f"{updated.name} is up to date: it has the templates of ebpf-new {updated.now}.")
        _show_left(updated.left)
        return
    versions = updated.now if updated.before == updated.now else f"{updated.before} to {updated.now}"
    print(f"{updated.name}, {versions}: {_count(len(updated.files))} {_verb(updated.mode)}\n")
    for change in updated.files:
        _show(change)
    _show_left(updated.left)
    for key, value in updated.taken.items():
        print(f'\nNew in the templates: {key}, which is "{printable(value)}"; --answer {key}=... gives another.')
    print("\n" + "\n".join(_advice(updated)))


def _show_left(left: Sequence[Change]) -> None:
    for change in left:
        _show(change)


def _show(change: Change) -> None:
    why = IN_WORDS.get(change.why, change.why)
    print(f"  {change.what:13}  {printable(change.path)}{why and f' ({why})'}")


def _verb(mode: Mode) -> str:
    return {
        Mode.CHECK: "out of date",
        Mode.DRY_RUN: "would change",
        Mode.WRITE: "changed",
    }[mode]


def _advice(updated: Updated) -> list[str]:
    where = _typed(updated.project)
    there = f" {where}" if where != "." else ""
    if updated.mode is Mode.CHECK:
        return [f"To bring it up to date, type: ebpf-new update{there}"]
    if updated.mode is Mode.DRY_RUN:
        return ["Nothing was written. To do it, leave out --dry-run."]
    git = f"git -C {where}" if there else "git"
    here = "" if updated.is_top else " -- ."
    # What is not merged has to be so before `git restore` removes it.
    restore = f"add --update . && {git} restore --source=HEAD --staged --worktree ."
    undo = "reset --hard" if updated.is_top else restore
    commit = f'commit --message "Update to ebpf-new {updated.now}"'
    lines = []
    if updated.conflicts:
        lines.append(f"In {_count(len(updated.conflicts))} you have to decide: edit, then git add; or git mergetool.")
    return [
        *lines,
        "Nothing is committed. Next:\n",
        f"  {git} diff HEAD{here}   # look at it",
        f"  {git} {commit}{here}   # take it",
        f"  {git} {undo}   # or undo it all",
    ]


def _object(updated: Updated) -> dict[str, object]:
    return {
        "path": str(updated.project.absolute()),
        "name": updated.name,
        "from": updated.before,
        "to": updated.now,
        "up_to_date": not updated.files,
        "files": [asdict(change) for change in updated.files],
        "conflicts": [change.path for change in updated.conflicts],
        "left": [asdict(change) for change in updated.left],
        "defaults": dict(updated.taken),
        "written": updated.mode is Mode.WRITE and bool(updated.files),
    }


def _count(number: int) -> str:
    return "1 file" if number == 1 else f"{number} files"


def _typed(path: Path) -> str:
    text = str(path)
    return shlex.quote(f".{os.sep}{text}" if text.startswith("-") else text)
