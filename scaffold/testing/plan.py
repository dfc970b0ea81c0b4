# SPDX-License-Identifier: BSD-2-Clause
"""Turn the selected cases into jobs: read the manifests, and create temporary projects from templates."""

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
def plan_jobs(part: Sequence[Case], cases: Sequence[Case], default_manifest: Path | None) -> Iterator[list[Job]]:
    """Yield a job for each case in `part`. The projects of templates exist until the end of the block.

    `default_manifest` is the manifest of projects that have no test/vmtest.toml. The names of projects depend on all
    `cases`, of which other machines may run the rest: their results must not get mixed up when they are merged.

    Raises:
        UsageError: the manifest of a project is missing or invalid.
        DiskError: the project of a template cannot be written.
    """
    with tempfile.TemporaryDirectory(prefix="ebpf-new-") as directory:
        try:
            manifests = {
                name: _load_manifest(Path(name), default_manifest) for name in _project_names(cases, template=False)
            }
            template_manifests = {
                name: replace(_load_manifest(_create_project(name, Path(directory)), default_manifest), project=name)
                for name in _project_names(part, template=True)
            }
        except ManifestError as error:
            raise UsageError(error.message, hint=error.hint) from error
        manifests = _with_unique_names(manifests, _project_names(cases, template=True))
        yield [
            Job((template_manifests if case.template else manifests)[case.project], case.kernel, case.arch)
            for case in part
        ]


def _project_names(cases: Sequence[Case], template: bool) -> list[str]:
    return list(dict.fromkeys(case.project for case in cases if case.template is template))


def _create_project(framework: str, parent: Path) -> Path:
    request = ProjectRequest(parent / f"{framework}-starter", framework, git=False)
    return create(plan_project(request, load_catalog())).path


def _load_manifest(root: Path, default: Path | None) -> Manifest:
    path = root / "test" / "vmtest.toml"
    return load_manifest(root, path if path.exists() or default is None else default)


def _with_unique_names(manifests: Mapping[str, Manifest], templates: Collection[str]) -> dict[str, Manifest]:
    """Return `manifests` (by the directory that the user typed) with unique project names.

    A project whose name another project or one of `templates` also has gets the directory as its name.
    """
    counts = Counter([*(manifest.project for manifest in manifests.values()), *templates])
    typed = {name: f".{os.sep}{name}" if name in templates else name for name in manifests}
    reserved = set(typed.values())

    def is_unique(name: str, project: str) -> bool:
        return counts[project] == 1 and (project == typed[name] or project not in reserved)

    return {
        name: manifest if is_unique(name, manifest.project) else replace(manifest, project=typed[name])
        for name, manifest in manifests.items()
    }
