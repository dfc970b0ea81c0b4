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

from scaffold.errors import DiskError, InvalidAnswersError, Problem
from scaffold.generate.create import Created, ProjectPlan, plan_project, render_and_commit
from scaffold.generate.render import CACHE, files_in, render, render_text
from scaffold.generate.staging import StagingDir, publish_all, staging_dir
from scaffold.project.catalog import Framework, templates_directory
from scaffold.project.go_module import NO_MAJOR_VERSION, WINDOWS_DEVICE, default_module
from scaffold.project.model import LONGEST_NAME, LONGEST_OWNER, NAME, NAME_RULE, OWNER, OWNER_RULE, Project
from scaffold.project.request import BY_DIRECTORY, ProjectRequest

SUFFIX = "-starter"
SOURCE = "_export"  # in the templates: blocks/ has what goes below the head of a file that is there, files/ what is new
SCRIPT_DATA = "tools/rename.json"


@dataclass(frozen=True)
class Exported:
    """The repositories that are there now, each below `directory`."""

    directory: Path
    repositories: tuple[Created, ...]


def plan_exports(directory: Path, common: ProjectRequest, frameworks: Mapping[str, Framework]) -> list[ProjectPlan]:
    """Check the export of every framework below `directory`, with the answers in `common`; writes nothing.

    Raises:
        InvalidAnswersError: with everything that is wrong, for whichever framework.
    """
    parent = Path(os.path.abspath(directory))
    plans: list[ProjectPlan] = []
    problems: dict[Problem, None] = {}
    for name in frameworks:
        request = replace(common, target=parent / f"{name}{SUFFIX}", framework=name, label=BY_DIRECTORY)
        try:
            plans.append(plan_project(request, frameworks))
        except InvalidAnswersError as error:
            problems |= dict.fromkeys(error.problems)
    if problems:
        raise InvalidAnswersError(list(problems))
    return plans


def export(plans: list[ProjectPlan]) -> Exported:
    """Make the repositories that `plans` describe: all of them, or none.

    Raises:
        InvalidAnswersError: another process took a target meanwhile.
        DiskError, GitError, TemplateError: one could not be made; nothing was left behind.
    """
    with ExitStack() as stack:
        places = [stack.enter_context(staging_dir(plan.target, plan.label)) for plan in plans]
        ready = [
            render_and_commit(plan, staging, partial(_add, plan, staging))
            for plan, staging in zip(plans, places, strict=True)
        ]
        publish_all([(staging, created.path) for staging, created in zip(places, ready, strict=True)])
    there = (replace(created, path=plan.target) for created, plan in zip(ready, plans, strict=True))
    return Exported(plans[0].target.parent, tuple(there))


def _add(plan: ProjectPlan, staging: StagingDir, root: Path) -> None:
    """Add to the tree `root` what makes it a template of GitHub."""
    source = templates_directory() / SOURCE
    # An installation may have compiled the script.
    blocks, files = files_in(source / "blocks"), [name for name in files_in(source / "files") if CACHE not in name]
    try:
        data = _script_data(plan, staging, root) | {"blocks": blocks, "files": sorted([*files, SCRIPT_DATA])}
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


def _rendered(path: Path, plan: ProjectPlan) -> str:
    return render_text(path.read_text(encoding="utf-8"), plan.project, plan.framework)


def _script_data(plan: ProjectPlan, staging: StagingDir, root: Path) -> dict[str, Any]:
    project = plan.project
    # Each has a `_`, so that a staging where Markdown escapes it is told from others; and the new name begins
    # with the old one, so that no list that is sorted by name changes its order.
    marks = {"NAME": _mark(f"{project.name}_NAME", project), "OWNER": _mark("NEW_OWNER", project)}
    owners = {"owner": marks["OWNER"]} if project.owner else {"owner": marks["OWNER"], "no owner": ""}
    patches = {}
    for number, (kind, owner) in enumerate(owners.items()):
        tree = staging.root / f"renamed{number}"
        tree.mkdir()
        renamed = render(_renamed(plan, marks["NAME"], owner), plan.framework, tree)
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


def _renamed(plan: ProjectPlan, name: str, owner: str) -> Project:
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
