# SPDX-License-Identifier: BSD-2-Clause
"""Prepare a sandbox for each framework: find its toolchain, fetch its dependencies, and build a new project in it.

The dependencies that the new project's lock file names are fetched once, outside of the sandbox. The build caches that
its build leaves are the start of each later build. Both come from the template, so no project sees files of another.
"""

import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from scaffold.errors import SandboxError, UsageError
from scaffold.generate.create import create, plan_project
from scaffold.generate.render import files_in
from scaffold.project.catalog import Framework, load_catalog
from scaffold.project.request import ProjectRequest
from scaffold.testing.sandbox.availability import base_sandbox
from scaffold.testing.sandbox.bubblewrap import WORK, ArtifactRequest, Sandbox, Toolchain, is_system
from scaffold.testing.sandbox.builds import SandboxedBuilds
from scaffold.testing.sandbox.limits import Limits
from scaffold.vmtest import processes
from scaffold.vmtest.architecture import host_architecture
from scaffold.vmtest.cache import cache_root, locked, new_directory, prune
from scaffold.vmtest.manifest import Manifest, load_manifest
from scaffold.vmtest.printable import printable

PROJECT_NAME = "ebpf-new-seed"  # cargo uses the cached build of a project for any other one with the same name
MAX_CACHE_BYTES = 4 << 30
MAX_SEED_BYTES = 1 << 30
PROJECT_MIB = 64  # for the files of a project itself, in addition to the seed
MAX_REASON_LENGTH = 300
ReportProgress = Callable[[str], None]


@contextmanager
def sandboxed_builds(
    manifests: Iterable[Manifest],
    limits: Limits,
    allow_unlimited_memory: bool,
    must_be_new: bool,
    report_progress: ReportProgress,
) -> Iterator[SandboxedBuilds]:
    """Yield the builder for the projects of `manifests`; the files that it builds exist until the end of the block.

    With `allow_unlimited_memory`, a machine that cannot limit the memory is accepted. With `must_be_new`, files for the
    guest that exist before a build do not count. `report_progress` gets a line of text before a long preparation.

    Raises:
        SandboxError: this machine cannot create a sandbox, or cannot build a new project in one.
        UsageError: the disk limit is too small.
    """
    base = base_sandbox(limits, allow_unlimited_memory)
    names = {manifest.framework for manifest in manifests}
    frameworks = [framework for framework in load_catalog().values() if framework.name in names]
    sandboxes = prepare_sandboxes(frameworks, base, report_progress)
    with tempfile.TemporaryDirectory(prefix="ebpf-new-") as output:
        yield SandboxedBuilds(sandboxes, Path(output), must_be_new)


def prepare_sandboxes(
    frameworks: Iterable[Framework], base: Sandbox, report_progress: ReportProgress
) -> dict[str, Sandbox]:
    """Return a sandbox with the toolchain of each framework by its name, and `base` without one by the name "".

    Raises:
        SandboxError: a new project of a framework cannot be built in its sandbox.
        UsageError: the disk limit is too small for a framework.
    """
    return {"": base, **{framework.name: _prepare(framework, base, report_progress) for framework in frameworks}}


def _prepare(framework: Framework, base: Sandbox, report_progress: ReportProgress) -> Sandbox:
    root = _toolchain_root(framework)
    offline = framework.offline
    toolchain = Toolchain(root, _tools(framework, root), offline.variables, unfetched_pattern=offline.unfetched)
    sandbox = replace(base, toolchain=toolchain)
    with tempfile.TemporaryDirectory(prefix="ebpf-new-") as directory:
        request = ProjectRequest(
            Path(directory, PROJECT_NAME), framework.name, description="", author="", email="", git=False
        )
        project = create(plan_project(request, {framework.name: framework})).path
        if not offline.fetch:
            _build_new_project(framework, sandbox, project, Path(os.devnull))
            return sandbox
        target = cache_root() / "offline" / f"{framework.name}-{_digest(project, root)}"
        with locked(f"offline-{framework.name}"):
            if not target.exists():
                report_progress(
                    f"preparing {framework.title} builds without a network; this takes about a minute, once"
                )
                _fill_cache(framework, sandbox, project, target)
            os.utime(target)
        prune(target.parent, MAX_CACHE_BYTES)
    seed = target / "seed.tar"
    min_disk = (seed.stat().st_size >> 20) + PROJECT_MIB
    if sandbox.limits.disk < min_disk:
        raise UsageError(
            f"--disk {sandbox.limits.disk}: too small for {framework.title} builds",
            hint=f"give --disk {min_disk} or more",
        )
    return replace(sandbox, toolchain=replace(toolchain, store=target / "store", seed=seed))


def _toolchain_root(framework: Framework) -> str:
    """Return the directory of the framework's toolchain, or "" if it has none or none is installed."""
    if not framework.offline.root:
        return ""
    try:
        result = processes.run(framework.offline.root)
    except OSError:
        return ""  # the build of the new project reports what is missing
    root = result.stdout.strip()
    return root if result.returncode == 0 and Path(root, "bin").is_dir() else ""


def _tools(framework: Framework, root: str) -> dict[str, str]:
    """Return the path of each command that builds need and that is neither in `root` nor in every sandbox."""
    names = [name for need in framework.needs if need.target == "build" for name in (need.name, *need.aliases)]
    paths = {name: os.path.realpath(path) for name in names if (path := shutil.which(name))}
    elsewhere = {name: path for name, path in paths.items() if not is_system(path)}
    return {name: path for name, path in elsewhere.items() if not (root and Path(root, "bin", name).exists())}


def _digest(project: Path, root: str) -> str:
    digest = hashlib.sha256()
    if root:
        digest.update(f"{root} {os.stat(Path(root, 'bin')).st_mtime_ns}\0".encode())
    for file in files_in(project):
        digest.update(f"{file}\0".encode() + (project / file).read_bytes())
    return digest.hexdigest()[:16]


def _fill_cache(framework: Framework, sandbox: Sandbox, project: Path, target: Path) -> None:
    """Create the directory `target` with the dependencies (`store`) and the build caches (`seed.tar`)."""
    with new_directory(target) as work:
        store = work / "store"
        store.mkdir()
        command = [argument.replace("{store}", str(store)) for argument in framework.offline.fetch]
        try:
            fetched = processes.run(command, cwd=project)
        except OSError as error:
            raise SandboxError(f"cannot start {command[0]}: {error.strerror}") from error
        if fetched.returncode:
            raise SandboxError(f"cannot fetch the dependencies of {framework.title}: {_last_line(fetched.stderr)}")
        subprocess.run(["chmod", "-R", "a+rX", str(store)], check=True)
        sandbox = replace(sandbox, toolchain=replace(sandbox.toolchain, store=store))
        sandbox = replace(sandbox, limits=replace(sandbox.limits, disk=max(sandbox.limits.disk, MAX_SEED_BYTES >> 20)))
        _build_new_project(framework, sandbox, project, work / "seed.tar")
        (work / "seed.tar").chmod(0o644)


def _build_new_project(framework: Framework, sandbox: Sandbox, project: Path, seed: Path) -> None:
    """Build the new `project`, and write its build caches to the file `seed`.

    Raises:
        SandboxError: the build fails.
    """
    manifest = load_manifest(project)
    caches = ArtifactRequest(framework.offline.kept, WORK, MAX_SEED_BYTES)
    command = [argument.replace("{arch}", host_architecture().name) for argument in manifest.build]
    with seed.open("r+b" if seed == Path(os.devnull) else "w+b") as archive:
        result = sandbox.build(command, project, manifest.build_seconds, caches, archive)
    if result.status != 0:
        reason = result.exceeded or _last_line(result.output.decode(errors="replace"))
        raise SandboxError(f"a new {framework.title} project does not build in a sandbox on this machine: {reason}")


def _last_line(output: str) -> str:
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    return printable(lines[-1], MAX_REASON_LENGTH) if lines else "it printed nothing"
