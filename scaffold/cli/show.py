# SPDX-License-Identifier: BSD-2-Clause
"""What the commands print on stdout when all went well, for people and as JSON."""

import json
import os
import shlex
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from scaffold.project.catalog import Framework, default_kernels

if TYPE_CHECKING:
    from rich.tree import Tree

    from scaffold.generate.create import Created, ProjectPlan
    from scaffold.generate.export import Exported
    from scaffold.project.request import ProjectRequest
    from scaffold.testing.kernel_store import CachedKernel, PruneResult
    from scaffold.testing.selection import Case
    from scaffold.vmtest.available import AvailableKernel

HASH_LENGTH = 10
OPTIONS = ("framework", "program", "license", "description", "author", "email", "owner", "module", "lang")
FETCH = "ebpf-new kernels fetch 6.1"


def show_catalog(frameworks: Mapping[str, Framework], as_json: bool) -> None:
    """Print what can be chosen."""
    if as_json:
        objects = [_framework_object(each) for each in frameworks.values()]
        print(json.dumps({"frameworks": objects, "kernels": default_kernels()}, indent=2))
        return
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    titles = ("Framework", "Language", "Builds with", "Makes", "Choose it for")
    table = Table(*titles, box=box.SIMPLE_HEAD, pad_edge=False, show_lines=True)
    for each in frameworks.values():
        to_build = ", ".join(need.name for need in each.needs if need.target in ("", "build"))
        cells = (each.name, each.language, to_build, each.artefact, each.choose)
        table.add_row(*map(Text, cells))
    programs = Table("Program", "Frameworks", "What it does", box=box.SIMPLE_HEAD, pad_edge=False)
    for program in {program: None for each in frameworks.values() for program in each.programs}:
        names = ", ".join(each.name for each in frameworks.values() if program in each.programs)
        programs.add_row(*map(Text, (program.name, names, program.summary)))
    console = Console()
    console.print(table, programs)


def _framework_object(framework: Framework) -> dict[str, object]:
    return {
        "name": framework.name,
        "title": framework.title,
        "language": framework.language,
        "needs": [{"name": need.name, "package": need.package, "target": need.target} for need in framework.needs],
        "artefact": framework.artefact,
        "choose": framework.choose,
        "shipped": framework.shipped,
        "first_build": framework.first_build,
        "programs": [asdict(program) for program in framework.programs],
        "licenses": framework.licenses,
        "languages": framework.languages,
    }


def show_plan(plan: "ProjectPlan", as_json: bool) -> None:
    """Print the tree that would be made."""
    if as_json:
        print(json.dumps({**_project_object(plan, plan.target), "files": plan.files(), "dry_run": True}, indent=2))
        return
    from rich.console import Console

    Console().print(_tree(str(plan.target), plan.files()))


def show_created(created: "Created", as_json: bool) -> None:
    """Print what was made, and what to type next."""
    if as_json:
        print(json.dumps(_created_object(created), indent=2))
        return
    made = f"{created.project.name} is ready: {len(created.files)} files"
    if created.commit:
        made += f", commit {created.commit.hash[:HASH_LENGTH]} on {created.commit.branch}"
    print(f"{made}. Next:\n")
    print(f"  cd {_as_typed(created.path)}")
    print("  make deps   # install what it needs")
    print("  make        # build it")
    print("  make test   # boot kernels in a virtual machine and see its event")


def show_command(request: "ProjectRequest") -> None:
    """Print the command that makes what `request` says, beside the questions that it saves: on stderr."""
    words = [f"--{name} {shlex.quote(value)}" for name in OPTIONS if (value := getattr(request, name)) is not None]
    if request.git is not None:
        words.append("--git" if request.git else "--no-git")
    command = " ".join(["ebpf-new new", _as_typed(request.target), *words])
    print(f"\nThe same without questions:\n\n  {command}", file=sys.stderr)


def show_exported(exported: "Exported", as_json: bool) -> None:
    """Print which repositories were made, and how they come to GitHub."""
    made = exported.repositories
    if as_json:
        found = [_created_object(each) for each in made]
        print(json.dumps({"path": str(exported.directory), "repositories": found}, indent=2))
        return
    first = made[0]
    owner = first.project.owner or "OWNER"
    print(f"{', '.join(each.project.name for each in made)} are ready in {_as_typed(exported.directory)}.")
    print("Make an empty repository of each name on GitHub. Then, for each:\n")
    print(f"  cd {_as_typed(first.path)}")
    if not first.commit:
        print("  git init && git add --all && git commit --message Start")
    print(f"  git remote add origin https://github.com/{owner}/{first.project.name}.git")
    print("  git push --set-upstream origin HEAD\n")
    print('and tick "Template repository" in its settings.')


def show_kernels(
    cached: Sequence["CachedKernel"], offers: Mapping[str, Sequence["AvailableKernel"]], as_json: bool
) -> None:
    """Print what the cache has and the archive offers, by architecture."""
    if as_json:
        kept = [{**asdict(each), "path": str(each.path)} for each in cached]
        there = [
            {"series": offer.series, "release": offer.release, "arch": arch, "suite": offer.suite.name}
            for arch, found in offers.items()
            for offer in found
        ]
        print(json.dumps({"cached": kept, "offered": there}, indent=2))
        return
    from rich import box
    from rich.console import Console
    from rich.table import Column, Table

    from scaffold.vmtest.available import version_key

    release = Column("Release", no_wrap=True, min_width=max((len(each.release) for each in cached), default=0))
    suite = Column("Suite", overflow="fold")
    table = Table("Series", "For", release, suite, "Cached", "Last used", box=box.SIMPLE_HEAD, pad_edge=False)
    rows: dict[tuple[str, str], tuple[str, ...]] = {}
    for arch, found in offers.items():
        rows |= {
            (arch, offer.release): (offer.series, arch, offer.release, offer.suite.name, "", "") for offer in found
        }
    for each in cached:
        series = ".".join(each.release.split(".")[:2])
        size, used = f"{each.size / 1e6:.0f} MB", time.strftime("%Y-%m-%d", time.localtime(each.used))
        rows[each.arch, each.release] = (series, each.arch, each.release, each.suite, size, used)
    for key in sorted(rows, key=lambda key: (key[0], version_key(key[1]))):
        table.add_row(*rows[key])
    Console().print(table)
    print(f"{len(cached)} in the cache, {sum(each.size for each in cached) / 1e6:.0f} MB. Get one by: {FETCH}")


def show_fetched(releases: Iterable[str], as_json: bool) -> None:
    """Print the releases that are in the cache now."""
    found = []
    try:
        for release in releases:
            found.append(release)
            if not as_json:
                print(f"{release} is in the cache", flush=True)
    finally:  # those before one that cannot be had count
        if as_json:
            print(json.dumps({"fetched": found}))


def show_pruned(pruned: "PruneResult", as_json: bool) -> None:
    """Print what was removed from the cache."""
    if as_json:
        print(json.dumps(asdict(pruned)))
        return
    kernels = ", ".join(pruned.kernels) or "no kernel"
    guests = "1 saved guest" if pruned.guests == 1 else f"{pruned.guests or 'no'} saved guests"
    print(f"Removed {kernels} and {guests}: {pruned.size / 1e6:.0f} MB")


def show_strategy(pairs: Sequence["Case"], strategy: Mapping[str, object] | None) -> None:
    """Print `strategy` as JSON, or the pairs for people when there is none."""
    if strategy is not None:
        print(json.dumps(strategy))
        return
    for pair in pairs:
        print(f"{'template ' if pair.template else ''}{pair.project} on {pair.kernel} ({pair.arch})")
    print(f"{len(pairs)} cases")


def _created_object(created: "Created") -> dict[str, object]:
    commit = created.commit
    found = {"files": created.files, "commit": commit and commit.hash, "branch": commit and commit.branch}
    return {**_project_object(created, created.path), **found}


def _project_object(source: "ProjectPlan | Created", path: Path) -> dict[str, object]:
    project = source.project
    return {"path": str(path), "name": project.name, "framework": project.framework, "program": project.program}


def _as_typed(path: Path) -> str:
    here = Path.cwd()
    text = str(path.relative_to(here)) if path.is_relative_to(here) else str(path)
    return shlex.quote(f".{os.sep}{text}" if text.startswith("-") else text)


def _tree(root: str, files: Iterable[str]) -> "Tree":
    from rich.text import Text
    from rich.tree import Tree

    tree = Tree(Text(root))
    branches = {"": tree}
    for path in files:
        parent = ""
        for part in Path(path).parts[:-1]:
            child = os.path.join(parent, part)
            if child not in branches:
                branches[child] = branches[parent].add(Text(part + os.sep))
            parent = child
        branches[parent].add(Text(Path(path).name))
    return tree
