# SPDX-License-Identifier: BSD-2-Clause
"""Projects of every framework are built in sandboxes, where there is no network."""

from pathlib import Path

import pytest

from scaffold.errors import UsageError
from scaffold.project.catalog import load_catalog
from scaffold.testing.sandbox.availability import bare_sandbox
from scaffold.testing.sandbox.builds import SandboxedBuilds
from scaffold.testing.sandbox.limits import Limits
from scaffold.testing.sandbox.toolchain import sandboxes_with_toolchains
from scaffold.vmtest import elf
from scaffold.vmtest.architecture import host_architecture
from scaffold.vmtest.manifest import load_manifest
from scaffold.vmtest.verdict import Verdict
from tests.integration.conftest import FRAMEWORKS
from tests.integration.repositories import render

# A dependency that the template does not have: what is added at the end of which files.
SUMS = """\
golang.org/x/text v0.3.0 h1:g61tztE5qeGQ89tm6NTjjM9VPIm088od1l6aSorWRWg=
golang.org/x/text v0.3.0/go.mod h1:NqM8EUOU14njkJ3fqMW+pc6Ldnwhi/IjpwHt7yyuwOQ=
"""
FURTHER = {
    "cilium": {
        "go.mod": "\nrequire golang.org/x/text v0.3.0\n",
        "go.sum": SUMS,
        "width.go": 'package main\n\nimport _ "golang.org/x/text/width"\n',
    },
    "libbpf-rs": {"Cargo.toml": '\n[dependencies.that-nobody-has-fetched]\nversion = "1"\n'},
}


@pytest.fixture(params=FRAMEWORKS, scope="module")
def builds(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> SandboxedBuilds:
    boxes = sandboxes_with_toolchains(
        [load_catalog()[request.param]], bare_sandbox(Limits(), allow_unlimited_memory=False), print
    )
    return SandboxedBuilds(boxes, tmp_path_factory.mktemp("made"), only_made=True)


def built(builds: SandboxedBuilds, repository: Path) -> Verdict | None:
    return builds.build(load_manifest(repository), host_architecture().name)


def only(builds: SandboxedBuilds) -> str:
    (name,) = (name for name in builds.boxes if name)
    return name


def test_a_project_builds_and_its_directory_stays_as_it_was(builds: SandboxedBuilds, tmp_path: Path) -> None:
    repository = render(only(builds), tmp_path, name="my-tool")
    before = sorted(repository.rglob("*"))
    assert built(builds, repository) is None
    assert sorted(repository.rglob("*")) == before
    made = builds.built(load_manifest(repository))
    files = [made.root / file for file in made.files]
    assert all(file.stat().st_size for file in files)
    for file in files:
        names = {entry.path for entry in builds.libraries(made, file)}
        dynamic = elf.interpreter(file.read_bytes())
        assert (dynamic is None and not names) or (dynamic and dynamic.lstrip("/") in names and len(names) > 1)


def test_a_dependency_that_nobody_has_fetched_is_told(builds: SandboxedBuilds, tmp_path: Path) -> None:
    framework = only(builds)
    assert bool(builds.boxes[framework].equipment.store) == (framework in FURTHER)
    if framework in FURTHER:
        repository = render(framework, tmp_path, name="my-tool")
        for file, text in FURTHER[framework].items():
            with (repository / file).open("a") as handle:
                handle.write(text)
        failure = built(builds, repository)
        assert failure is not None
        assert "it wants something from the network, which the sandbox has not" in failure.reason


def test_room_for_what_a_build_begins_with_is_asked_for(builds: SandboxedBuilds) -> None:
    framework = load_catalog()[only(builds)]
    box = bare_sandbox(Limits(disk=80), allow_unlimited_memory=False)
    if framework.offline.kept:
        with pytest.raises(UsageError, match=r"--disk 80: builds of .* want at least"):
            sandboxes_with_toolchains([framework], box, print)
    else:
        assert set(sandboxes_with_toolchains([framework], box, print)) == {"", framework.name}
