# SPDX-License-Identifier: BSD-2-Clause
"""Every framework as a repository that others start theirs from, by GitHub's "Use this template".

Such a repository is what `ebpf-new NAME` makes, and what templates/_export adds: a text in the README, a target
in the Makefile, a workflow, and a script that makes of it what `ebpf-new` would have made under another name. The
script gets the difference as data: a patch between this project's tree and the one rendered for two marks, where
the new name and owner go.
"""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from difflib import unified_diff
from functools import partial
from pathlib import Path
from typing import Any

from scaffold.catalog import Framework, templates_directory
from scaffold.create import Created, Plan, Wish, make_plan, prepare
from scaffold.errors import BadAnswers, DiskError, Problem
from scaffold.go_module import NO_MAJOR_VERSION, WINDOWS_DEVICE, default_module
from scaffold.place import BY_DIRECTORY, Workshop, move_all_in, workshop
from scaffold.project import LONGEST_NAME, LONGEST_OWNER, NAME, NAME_RULE, OWNER, OWNER_RULE, Project
from scaffold.render import CACHE, files_in, render, render_text

SUFFIX = "-starter"
SOURCE = "_export"  # in the templates: blocks/ has what goes below the head of a file that is there, files/ what is new
SCRIPT_DATA = "tools/rename.json"


@dataclass(frozen=True)
class Exported:
    """The repositories that are there now, each below `directory`."""

    directory: Path
    repositories: tuple[Created, ...]


def make_plans(directory: Path, common: Wish, frameworks: Mapping[str, Framework]) -> list[Plan]:
    """Check the export of every framework below `directory`, with the answers in `common`; writes nothing.

    Raises:
        BadAnswers: with everything that is wrong, for whichever framework.
    """
    parent = Path(os.path.abspath(directory))
    plans: list[Plan] = []
    problems: dict[Problem, None] = {}
    for name in frameworks:
        wish = replace(common, target=parent / f"{name}{SUFFIX}", framework=name, said=BY_DIRECTORY)
        try:
            plans.append(make_plan(wish, frameworks))
        except BadAnswers as error:
            problems |= dict.fromkeys(error.problems)
    if problems:
        raise BadAnswers(list(problems))
    return plans


def export(plans: list[Plan]) -> Exported:
    """Make the repositories that `plans` describe: all of them, or none.

    Raises:
        BadAnswers: another process took a target meanwhile.
        DiskError, GitError, TemplateError: one could not be made; nothing was left behind.
    """
    with ExitStack() as stack:
        places = [stack.enter_context(workshop(plan.target, plan.said)) for plan in plans]
        ready = [prepare(plan, place, partial(_add, plan, place)) for plan, place in zip(plans, places, strict=True)]
        move_all_in([(place, created.path) for place, created in zip(places, ready, strict=True)])
    there = (replace(created, path=plan.target) for created, plan in zip(ready, plans, strict=True))
    return Exported(plans[0].target.parent, tuple(there))


def _add(plan: Plan, place: Workshop, root: Path) -> None:
    """Add to the tree `root` what makes it a template of GitHub."""
    source = templates_directory() / SOURCE
    # An installation may have compiled the script.
    blocks, files = files_in(source / "blocks"), [name for name in files_in(source / "files") if CACHE not in name]
    try:
        data = _script_data(plan, place, root) | {"blocks": blocks, "files": sorted([*files, SCRIPT_DATA])}
        for name in blocks:
            head, rest = (root / name).read_text(encoding="utf-8").split("\n\n", 1)
            block = _rendered(source / "blocks" / name, plan)
            (root / name).write_text(f"{head}\n\n{block}\n{rest}", encoding="utf-8")
        for name in files:
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(_rendered(source / "files" / name, plan), encoding="utf-8")
        (root / SCRIPT_DATA).write_text(json.dumps(data, indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise DiskError(f"cannot write the project: {error.strerror or error}") from error


def _rendered(path: Path, plan: Plan) -> str:
    return render_text(path.read_text(encoding="utf-8"), plan.project, plan.framework)


def _script_data(plan: Plan, place: Workshop, root: Path) -> dict[str, Any]:
    project = plan.project
    # Each has a `_`, so that a place where Markdown escapes it is told from others; and the new name begins
    # with the old one, so that no list that is sorted by name changes its order.
    marks = {"NAME": _mark(f"{project.name}_NAME", project), "OWNER": _mark("NEW_OWNER", project)}
    owners = {"owner": marks["OWNER"]} if project.owner else {"owner": marks["OWNER"], "no owner": ""}
    patches = {}
    for number, (kind, owner) in enumerate(owners.items()):
        bench = place.root / f"renamed{number}"
        bench.mkdir()
        renamed = render(_renamed(plan, marks["NAME"], owner), plan.framework, bench)
        patches[kind] = list(_patch(root, renamed))
    rules = _rules(plan.framework)
    return {
        "name": project.name,
        "owner": project.owner,
        "rules": {word: {"mark": mark, **rules[word]} for word, mark in marks.items()},
        "patches": patches,
    }


def _mark(word: str, project: Project) -> str:
    while any(word in text for text in project.answers().values()):
        word += "_"
    return word


def _renamed(plan: Plan, name: str, owner: str) -> Project:
    # Unchecked, since a mark need not be a good answer.
    module = default_module(owner, name) if plan.project.module else ""
    return replace(plan.project, name=name, owner=owner, module=module)


def _patch(old: Path, new: Path) -> Iterator[str]:
    """Yield the lines of the patch that makes `new` of `old`, two trees with the same files."""
    for name in files_in(old):
        before, after = ((root / name).read_bytes().decode().removesuffix("\n").split("\n") for root in (old, new))
        yield from unified_diff(before, after, f"a/{name}", f"b/{name}", n=1, lineterm="")


def _rules(framework: Framework) -> dict[str, dict[str, Any]]:
    """Return what names and owners are taken for a project, as patterns of Python's `re`."""
    refused = [
        {"match": ("(?i:%s)" if each.any_case else "%s") % "|".join(sorted(each.names)), "why": each.why}
        for each in framework.refused
    ]
    device, version = [], []
    if "module" in framework.own_answers:
        device = [{"match": f"(?i:{WINDOWS_DEVICE.pattern})", "why": "Go refuses it, since Windows has a use for it"}]
        version = [{"match": NO_MAJOR_VERSION.pattern, "why": "Go takes it for a version"}]
    name = {"what": f"name of a {framework.title} project", "match": NAME.pattern, "longest": LONGEST_NAME}
    owner = {"what": "user or organisation on GitHub", "match": OWNER.pattern, "longest": LONGEST_OWNER}
    return {
        "NAME": {**name, "allowed": NAME_RULE, "refused": refused + device + version},
        "OWNER": {**owner, "allowed": OWNER_RULE, "refused": device},
    }
