# SPDX-License-Identifier: BSD-2-Clause
"""What builds of a framework need in a sandbox, and the proof that it is there: a fresh project that builds.

What that project's lock file names is fetched outside, once; what its build leaves in caches begins each later build.
Both are the template's, so that no project finds another's there.
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
from scaffold.testing.sandbox.availability import bare_sandbox
from scaffold.testing.sandbox.bubblewrap import PLACE, Request, Sandbox, Toolchain, is_system
from scaffold.testing.sandbox.builds import SandboxedBuilds
from scaffold.testing.sandbox.limits import Limits
from scaffold.vmtest import processes
from scaffold.vmtest.architecture import host_architecture
from scaffold.vmtest.cache import cache_root, locked, new_directory, prune
from scaffold.vmtest.manifest import Manifest, load_manifest
from scaffold.vmtest.printable import printable

NAME = "ebpf-new-seed"  # cargo would take what is built of it for that of another project of this name
KEPT_BYTES = 4 << 30
SEED_BYTES = 1 << 30
ROOM = 64  # MiB for a project itself, beside the seed
SHOWN = 300
Say = Callable[[str], None]


@contextmanager
def sandboxed_builds(
    manifests: Iterable[Manifest], limits: Limits, unlimited_memory: bool, only_made: bool, say: Say
) -> Iterator[SandboxedBuilds]:
    """Yield what builds the projects of `manifests`, and keeps what they make until the end of the block.

    With `unlimited_memory` a machine will do that cannot limit it; with `only_made` a program must come from this very
    build. `say` is told of what takes long.

    Raises:
        SandboxError: no sandbox can be made here, or a fresh project cannot be built in one.
        UsageError: the files of a build may hold too little.
    """
    bare = bare_sandbox(limits, unlimited_memory)
    named = {manifest.framework for manifest in manifests}
    boxes = sandboxes_with_toolchains([each for each in load_catalog().values() if each.name in named], bare, say)
    with tempfile.TemporaryDirectory(prefix="ebpf-new-") as made:
        yield SandboxedBuilds(boxes, Path(made), only_made)


def sandboxes_with_toolchains(frameworks: Iterable[Framework], bare: Sandbox, say: Say) -> dict[str, Sandbox]:
    """Return a sandbox for each of `frameworks` by its name, `bare` with what its builds need; "" is `bare` itself.

    Raises:
        SandboxError: a fresh project of one cannot be built in it.
        UsageError: the files of a build may hold too little for one.
    """
    return {"": bare, **{framework.name: _sandbox_with_toolchain(framework, bare, say) for framework in frameworks}}


def _sandbox_with_toolchain(framework: Framework, bare: Sandbox, say: Say) -> Sandbox:
    root = _root(framework)
    offline = framework.offline
    equipment = Toolchain(root, _tools(framework, root), offline.variables, unfetched=offline.unfetched)
    box = replace(bare, equipment=equipment)
    with tempfile.TemporaryDirectory(prefix="ebpf-new-") as place:
        request = ProjectRequest(Path(place, NAME), framework.name, description="", author="", email="", git=False)
        project = create(plan_project(request, {framework.name: framework})).path
        if not offline.fetch:
            _prove(framework, box, project, Path(os.devnull))
            return box
        target = cache_root() / "offline" / f"{framework.name}-{_digest(project, root)}"
        with locked(f"offline-{framework.name}"):
            if not target.exists():
                say(f"preparing builds of {framework.title} without a network: once, about a minute")
                _make(framework, box, project, target)
            os.utime(target)
        prune(target.parent, KEPT_BYTES)
    seed = target / "seed.tar"
    least = (seed.stat().st_size >> 20) + ROOM
    if box.limits.disk < least:
        raise UsageError(f"--disk {box.limits.disk}: builds of {framework.title} want at least {least}")
    return replace(box, equipment=replace(box.equipment, store=target / "store", seed=seed))


def _root(framework: Framework) -> str:
    if not framework.offline.root:
        return ""
    try:
        said = processes.run(framework.offline.root)
    except OSError:
        return ""  # the fresh project's build tells what is missing
    root = said.stdout.strip()
    return root if said.returncode == 0 and Path(root, "bin").is_dir() else ""


def _tools(framework: Framework, root: str) -> dict[str, str]:
    """Return the commands of the framework's builds that are in none of the places which a sandbox has anyhow."""
    names = [name for need in framework.needs if need.target == "build" for name in (need.name, *need.also)]
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


def _make(framework: Framework, box: Sandbox, project: Path, target: Path) -> None:
    with new_directory(target) as work:
        store = work / "store"
        store.mkdir()
        command = [word.replace("{store}", str(store)) for word in framework.offline.fetch]
        try:
            fetched = processes.run(command, cwd=project)
        except OSError as error:
            raise SandboxError(f"{command[0]} cannot be started: {error.strerror}") from error
        if fetched.returncode:
            raise SandboxError(f"cannot fetch what {framework.title} builds need: {_last(fetched.stderr)}")
        subprocess.run(["chmod", "-R", "a+rX", str(store)], check=True)
        box = replace(box, equipment=replace(box.equipment, store=store))
        box = replace(box, limits=replace(box.limits, disk=max(box.limits.disk, SEED_BYTES >> 20)))
        _prove(framework, box, project, work / "seed.tar")
        (work / "seed.tar").chmod(0o644)


def _prove(framework: Framework, box: Sandbox, project: Path, seed: Path) -> None:
    """Build the fresh `project`, and write what its build leaves for others to `seed`.

    Raises:
        SandboxError: it does not build.
    """
    manifest = load_manifest(project)
    kept = Request(framework.offline.kept, PLACE, SEED_BYTES)
    command = [word.replace("{arch}", host_architecture().name) for word in manifest.build]
    with seed.open("r+b" if seed == Path(os.devnull) else "w+b") as archive:
        built = box.build(command, project, manifest.build_seconds, kept, archive)
    if built.status != 0:
        why = built.limit or _last(built.output.decode(errors="replace"))
        raise SandboxError(f"a fresh {framework.title} project does not build in a sandbox here: {why}")


def _last(said: str) -> str:
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    return printable(lines[-1], SHOWN) if lines else "it said nothing"
