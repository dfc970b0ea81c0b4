# SPDX-License-Identifier: BSD-2-Clause
"""From the pairs that the user chose to runs: templates are made into projects for the time of the test."""

import os
import tempfile
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from scaffold.errors import UsageError
from scaffold.generate.create import create, plan_project
from scaffold.project.catalog import load_catalog
from scaffold.project.request import ProjectRequest
from scaffold.testing.schedule import Job
from scaffold.testing.selection import Case
from scaffold.vmtest.errors import ManifestError
from scaffold.vmtest.manifest import Manifest, load_manifest


@contextmanager
def plan_jobs(part: Sequence[Case], pairs: Sequence[Case], vmtest: Path | None) -> Iterator[list[Job]]:
    """Yield a run for each pair in `part`; `vmtest` is the manifest of projects that have none of their own.

    All `pairs`, of which other machines may have other parts, decide on what projects are called: two of one name on
    two machines must not become one when the results are joined.

    Raises:
        UsageError: a project has no manifest, or a wrong one. Nothing was run then.
        DiskError: the projects of templates cannot be made.
    """
    with tempfile.TemporaryDirectory(prefix="ebpf-new-") as place:
        try:
            found = {name: _manifest(Path(name), vmtest) for name in _names(pairs, template=False)}
            made = {name: _manifest(_made(name, Path(place)), vmtest) for name in _names(part, template=True)}
        except ManifestError as error:
            raise UsageError(str(error)) from error
        directories = _with_unique_names(found, _names(pairs, template=True))
        templates = {name: replace(manifest, project=name) for name, manifest in made.items()}
        yield [
            Job((templates if pair.template else directories)[pair.project], pair.kernel, pair.arch) for pair in part
        ]


def _names(pairs: Sequence[Case], template: bool) -> list[str]:
    return list(dict.fromkeys(pair.project for pair in pairs if pair.template is template))


def _made(framework: str, place: Path) -> Path:
    request = ProjectRequest(place / f"{framework}-starter", framework, git=False)
    return create(plan_project(request, load_catalog())).path


def _manifest(root: Path, vmtest: Path | None) -> Manifest:
    own = root / "test" / "vmtest.toml"
    return load_manifest(root, own if own.exists() or vmtest is None else vmtest)


def _with_unique_names(manifests: Mapping[str, Manifest], templates: Collection[str]) -> dict[str, Manifest]:
    """Call a project by what the user typed where another, or a template, has its name; no two are called the same."""
    names = Counter([*(manifest.project for manifest in manifests.values()), *templates])
    typed = {name: f".{os.sep}{name}" if name in templates else name for name in manifests}
    claimed = set(typed.values())

    def is_alone(name: str, project: str) -> bool:
        return names[project] == 1 and (project == typed[name] or project not in claimed)

    return {
        name: manifest if is_alone(name, manifest.project) else replace(manifest, project=typed[name])
        for name, manifest in manifests.items()
    }
