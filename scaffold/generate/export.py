# SPDX-License-Identifier: BSD-2-Clause
"""Exporting every framework as a repository for GitHub's "Use this template".

An exported repository is what `ebpf-new NAME` creates, with the additions in templates/_export: a text in the README, a
make target, a workflow, and a script that renames the repository. After that script, the repository is what `ebpf-new`
creates for the new name. The script's data is the difference: a patch between this tree and the tree that is rendered
with two marks in place of the new name and the new owner.
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
from scaffold.generate.render import PYCACHE, files_in, render, render_text
from scaffold.generate.staging import StagingDir, publish_all, staging_dir
from scaffold.project.catalog import Framework, templates_directory
from scaffold.project.model import Project, rename_rules
from scaffold.project.name_rules import NameRule
from scaffold.project.request import DIR_LABEL, ProjectRequest

SUFFIX = "-starter"
EXPORT_TEMPLATES = "_export"  # blocks/ contains texts to insert into existing files, files/ contains new files
SCRIPT_DATA = "tools/rename.json"


@dataclass(frozen=True)
class Exported:
    """The repositories that exist now, all of them in `directory`."""

    directory: Path
    repositories: tuple[Created, ...]


def plan_exports(directory: Path, common: ProjectRequest, frameworks: Mapping[str, Framework]) -> list[ProjectPlan]:
    """Check the export of every framework to `directory`, with the answers of `common`; writes nothing.

    Raises:
        InvalidAnswersError: answers are invalid; the error contains every problem of every framework.
    """
    parent = Path(os.path.abspath(directory))
    plans: list[ProjectPlan] = []
    problems: dict[Problem, None] = {}
    for name in frameworks:
        request = replace(common, target=parent / f"{name}{SUFFIX}", framework=name, label=DIR_LABEL)
        try:
            plans.append(plan_project(request, frameworks))
        except InvalidAnswersError as error:
            problems |= dict.fromkeys(error.problems)
    if problems:
        raise InvalidAnswersError(list(problems))
    return plans


def export(plans: list[ProjectPlan]) -> Exported:
    """Create the repositories of `plans`: all of them, or none.

    Raises:
        InvalidAnswersError: another process created a target meanwhile.
        DiskError, GitError, TemplateError: a repository cannot be created.
    """
    with ExitStack() as stack:
        stagings = [stack.enter_context(staging_dir(plan.target, plan.label)) for plan in plans]
        created = [
            render_and_commit(plan, staging, partial(_add_export_files, plan, staging))
            for plan, staging in zip(plans, stagings, strict=True)
        ]
        publish_all([(staging, project.path) for staging, project in zip(stagings, created, strict=True)])
    published = (replace(project, path=plan.target) for project, plan in zip(created, plans, strict=True))
    return Exported(plans[0].target.parent, tuple(published))


def _add_export_files(plan: ProjectPlan, staging: StagingDir, root: Path) -> None:
    """Add to the tree `root` what makes it a template for GitHub."""
    source = templates_directory() / EXPORT_TEMPLATES
    blocks = files_in(source / "blocks")
    files = [name for name in files_in(source / "files") if PYCACHE not in name]
    try:
        data = _script_data(plan, staging, root) | {"blocks": blocks, "files": sorted([*files, SCRIPT_DATA])}
        for name in blocks:
            head, rest = (root / name).read_text(encoding="utf-8").split("\n\n", 1)
            block = _render_source(source / "blocks" / name, plan)
            (root / name).write_text(f"{head}\n\n{block}\n{rest}", encoding="utf-8")
        for name in files:
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(_render_source(source / "files" / name, plan), encoding="utf-8")
        (root / SCRIPT_DATA).write_text(json.dumps(data, indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise DiskError(f"cannot write the project: {error.strerror or error}") from error


def _render_source(path: Path, plan: ProjectPlan) -> str:
    return render_text(path.read_text(encoding="utf-8"), plan.project, plan.framework)


def _script_data(plan: ProjectPlan, staging: StagingDir, root: Path) -> dict[str, Any]:
    """Return the data that tools/rename.py reads: the rules for the new name and owner, and the patches."""
    project = plan.project
    # Markdown escapes the `_` of a mark, which distinguishes escaped from plain occurrences. The mark for the name
    # begins with the name, so lists that are sorted by name keep their order.
    name_mark, owner_mark = _unused_mark(f"{project.name}_NAME", project), _unused_mark("NEW_OWNER", project)
    owners = {"owner": owner_mark} if project.owner else {"owner": owner_mark, "no owner": ""}
    patches = {}
    for number, (kind, owner) in enumerate(owners.items()):
        directory = staging.root / f"renamed{number}"
        directory.mkdir()
        patches[kind] = list(_patch(root, render(project.renamed(name_mark, owner), plan.framework, directory)))
    name_rule, owner_rule = rename_rules(plan.framework)
    return {
        "name": project.name,
        "owner": project.owner,
        "rules": {"NAME": _rule_data(name_mark, name_rule), "OWNER": _rule_data(owner_mark, owner_rule)},
        "patches": patches,
    }


def _rule_data(mark: str, rule: NameRule) -> dict[str, Any]:
    return {
        "mark": mark,
        "what": rule.noun,
        "match": rule.pattern,
        "longest": rule.max_length,
        "allowed": rule.expected,
        "refused": [{"match": exclusion.pattern, "why": exclusion.reason} for exclusion in rule.exclusions],
    }


def _unused_mark(mark: str, project: Project) -> str:
    """Return `mark`, with as many `_` after it as are necessary so that no answer contains it."""
    while any(mark in answer for answer in project.answers().values()):
        mark += "_"
    return mark


def _patch(old: Path, new: Path) -> Iterator[str]:
    """Yield the lines of the patch from the tree `old` to the tree `new`, which has the same files."""
    for name in files_in(old):
        before, after = ((root / name).read_bytes().decode().removesuffix("\n").split("\n") for root in (old, new))
        yield from unified_diff(before, after, f"a/{name}", f"b/{name}", n=1, lineterm="")
