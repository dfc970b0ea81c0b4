# SPDX-License-Identifier: BSD-2-Clause
"""Projects of every framework build in a sandbox, without a network."""

from pathlib import Path

import pytest

from scaffold.errors import UsageError
from scaffold.project.catalog import load_catalog
from scaffold.testing.sandbox.availability import base_sandbox
from scaffold.testing.sandbox.builds import SandboxedBuilds
from scaffold.testing.sandbox.limits import Limits
from scaffold.testing.sandbox.toolchain import prepare_sandboxes
from scaffold.vmtest import elf
from scaffold.vmtest.architecture import host_architecture
from scaffold.vmtest.manifest import load_manifest
from scaffold.vmtest.verdict import Verdict
from tests.integration.conftest import FRAMEWORKS
from tests.integration.repositories import render

# A dependency that the template does not have: the text to append to each file.
SUMS = """\
golang.org/x/text v0.3.0 h1:g61tztE5qeGQ89tm6NTjjM9VPIm088od1l6aSorWRWg=
golang.org/x/text v0.3.0/go.mod h1:NqM8EUOU14njkJ3fqMW+pc6Ldnwhi/IjpwHt7yyuwOQ=
"""
NEW_DEPENDENCY = {
    "cilium": {
        "go.mod": "\nrequire golang.org/x/text v0.3.0\n",
        "go.sum": SUMS,
        "width.go": 'package main\n\nimport _ "golang.org/x/text/width"\n',
    },
    "libbpf-rs": {"Cargo.toml": '\n[dependencies.that-nobody-has-fetched]\nversion = "1"\n'},
}


@pytest.fixture(params=FRAMEWORKS, scope="module")
def builds(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> SandboxedBuilds:
    base = base_sandbox(Limits(), allow_unlimited_memory=False)
    sandboxes = prepare_sandboxes([load_catalog()[request.param]], base, print)
    return SandboxedBuilds(sandboxes, tmp_path_factory.mktemp("output"), must_be_new=True)


def build(builds: SandboxedBuilds, repository: Path) -> Verdict | None:
    return builds.build(load_manifest(repository), host_architecture().name)


def framework_of(builds: SandboxedBuilds) -> str:
    (name,) = (name for name in builds.sandboxes if name)
    return name


def test_a_project_builds_and_its_directory_does_not_change(builds: SandboxedBuilds, tmp_path: Path) -> None:
    repository = render(framework_of(builds), tmp_path, name="my-tool")
    before = sorted(repository.rglob("*"))
    assert build(builds, repository) is None
    assert sorted(repository.rglob("*")) == before
    manifest = builds.built_manifest(load_manifest(repository))
    files = [manifest.root / file for file in manifest.files]
    assert all(file.stat().st_size for file in files)
    for file in files:
        names = {entry.path for entry in builds.libraries(manifest, file)}
        interpreter = elf.interpreter(file.read_bytes())
        if interpreter is None:
            assert not names
        else:
            assert interpreter.lstrip("/") in names and len(names) > 1


def test_a_dependency_that_was_not_fetched_is_named(builds: SandboxedBuilds, tmp_path: Path) -> None:
    framework = framework_of(builds)
    assert bool(builds.sandboxes[framework].toolchain.store) == (framework in NEW_DEPENDENCY)
    if framework in NEW_DEPENDENCY:
        repository = render(framework, tmp_path, name="my-tool")
        for file, text in NEW_DEPENDENCY[framework].items():
            with (repository / file).open("a") as handle:
                handle.write(text)
        failure = build(builds, repository)
        assert failure is not None
        assert "it needs the network, which a sandbox does not have" in failure.reason


def test_the_disk_limit_must_have_room_for_the_build_caches(builds: SandboxedBuilds) -> None:
    framework = load_catalog()[framework_of(builds)]
    base = base_sandbox(Limits(disk=80), allow_unlimited_memory=False)
    if framework.offline.kept:
        with pytest.raises(UsageError, match=r"--disk 80: .*; give --disk [0-9]+"):
            prepare_sandboxes([framework], base, print)
    else:
        assert set(prepare_sandboxes([framework], base, print)) == {"", framework.name}
