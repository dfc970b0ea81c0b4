# SPDX-License-Identifier: BSD-2-Clause
"""Workflows and Dependabot's settings, in this repository and in generated ones: linters and our rules."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from tests.documented import documented_workflow
from tests.paths import ROOT
from tests.render.linters import Arguments, assert_accepts, assert_rejects, of_python
from tests.render.starters import starter
from tests.render.trees import CATALOG, rendered
from tests.render.workflow_rules import PINS, broken_rules

GENERATED = {"dependabot.yml", "workflows/ci.yml", "workflows/release.yml"}
EXPORTED = {*GENERATED, "workflows/first-run.yml"}
OWN = {*GENERATED, "workflows/kernels.yml", "workflows/weekly.yml"}

SOUND = """\
name: CI
on: push
permissions: {}
concurrency:
  group: ${{ github.ref }}
jobs:
  test:
    name: Test
    runs-on: ubuntu-24.04
    timeout-minutes: 5
    permissions:
      contents: read
    steps:
      - uses: actions/checkout@COMMIT # VERSION
        with:
          persist-credentials: false
      - run: make test
""".replace("COMMIT", PINS["actions/checkout"]["commit"]).replace("VERSION", PINS["actions/checkout"]["version"])
DEPENDABOT = """\
version: 2
updates:
  - package-ecosystem: github-actions
    directory: /
    schedule:
      interval: weekly
    cooldown:
      default-days: 7
"""


def actionlint(github: Path) -> Arguments:
    # It checks the scripts in workflows with shellcheck, which tools/setup.sh puts on PATH.
    return ["actionlint", "-shellcheck", "shellcheck", "-pyflakes", "", *workflows(github)]


def zizmor(github: Path) -> Arguments:
    return [of_python("zizmor"), "--offline", "--no-online-audits", "--persona", "regular", "--quiet", str(github)]


def workflow_schema(github: Path) -> Arguments:
    return [of_python("check-jsonschema"), "--builtin-schema", "vendor.github-workflows", *workflows(github)]


def dependabot_schema(github: Path) -> Arguments:
    return [of_python("check-jsonschema"), "--builtin-schema", "vendor.dependabot", str(github / "dependabot.yml")]


LINTERS = (actionlint, zizmor, workflow_schema, dependabot_schema)
Linter = Callable[[Path], Arguments]


def workflows(github: Path) -> list[str]:
    return sorted(map(str, github.glob("workflows/*")))


# The workflow that the export adds differs only in the name of the repository, which a test below checks.
@pytest.fixture(params=["own", *(f"generated {name}" for name in CATALOG), f"exported {next(iter(CATALOG))}"])
def github(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """The directory .github of this repository, of a generated one of each framework, and of an exported one."""
    kind, _, framework = request.param.partition(" ")
    if kind == "own":
        return ROOT / ".github"
    return (rendered(tmp_path, framework) if kind == "generated" else starter("with owner", framework)) / ".github"


def write_settings(github: Path, workflow: str = SOUND, dependabot: str = DEPENDABOT) -> Path:
    """Create a directory .github with these files, and return it."""
    (github / "workflows").mkdir(parents=True)
    (github / "workflows/ci.yml").write_text(workflow)
    (github / "dependabot.yml").write_text(dependabot)
    return github


def test_every_file_is_known_and_there(github: Path) -> None:
    found = {str(path.relative_to(github)) for path in github.rglob("*") if path.is_file()}
    exported = (github.parent / "tools/rename.py").exists()
    assert found == (OWN if github.parent == ROOT else EXPORTED if exported else GENERATED)


def test_exported_workflows_differ_only_in_the_name_of_the_repository() -> None:
    workflows = {name: starter("with owner", name) / ".github/workflows/first-run.yml" for name in CATALOG}
    assert len({path.read_text().replace(f"acme/{name}-starter", "") for name, path in workflows.items()}) == 1


@pytest.mark.parametrize("linter", LINTERS)
def test_linters_accept(github: Path, linter: Linter) -> None:
    assert_accepts(linter(github))


def test_no_rule_is_broken(github: Path) -> None:
    assert [(path, message) for path in workflows(github) for message in broken_rules(Path(path))] == []


@pytest.mark.parametrize("workflow", [SOUND, documented_workflow()], ids=["least", "documented"])
def test_a_good_workflow_passes(tmp_path: Path, workflow: str) -> None:
    github = write_settings(tmp_path / ".github", workflow)
    for linter in LINTERS:
        assert_accepts(linter(github))
    assert broken_rules(github / "workflows/ci.yml") == []


@pytest.mark.parametrize(
    ("linter", "good", "bad", "message"),
    [
        (actionlint, "github.ref", "github.reference", 'property "reference" is not defined'),
        (actionlint, "make test", "echo $HOME/*.c > $OUT", "SC2086"),
        (zizmor, "        with:\n          persist-credentials: false\n", "", "artipacked"),
        (zizmor, "make test", "echo ${{ github.head_ref }}", "template-injection"),
        (workflow_schema, "timeout-minutes: 5", "timeout-minute: 5", "timeout-minute"),
        (dependabot_schema, "github-actions", "github-action", "github-action"),
        (zizmor, "default-days: 7", "default-days: 1", "dependabot-cooldown"),
    ],
)
def test_linters_reject(tmp_path: Path, linter: Linter, good: str, bad: str, message: str) -> None:
    assert good in SOUND + DEPENDABOT
    github = write_settings(tmp_path / ".github", SOUND.replace(good, bad), DEPENDABOT.replace(good, bad))
    assert_rejects(linter(github), message)


@pytest.mark.parametrize(
    ("good", "bad", "message"),
    [
        (r"permissions: \{\}", "permissions: read-all", "permissions: .* top level"),
        (r"permissions: \{\}\n", "", "permissions: .* top level"),
        (r"concurrency:\n.*\n", "", "concurrency"),
        ("    timeout-minutes: 5\n", "", "test: timeout-minutes is missing"),
        ("ubuntu-24.04", "ubuntu-latest", "test: .*runs-on ubuntu-latest"),
        (r"@[0-9a-f]+ # (.*)", r"@\1", "actions/checkout@v.*commit"),
        (r" # v.*", "", "commit .* version"),
        (r"# v.*", "# v0.0.1", "# v0.0.1 is not in"),
        (r"@[0-9a-f]{8}", "@00000000", "@00000000.* is not in"),
        ("actions/checkout", "somebody/checkout", "somebody/checkout@.* is not in"),
        (r"uses: (.*) # v.*", r'"uses": "\1"', "expected a commit"),
    ],
)
def test_broken_rules_are_reported(tmp_path: Path, good: str, bad: str, message: str) -> None:
    changed, count = re.subn(good, bad, SOUND)
    assert count == 1
    (found,) = broken_rules(write_settings(tmp_path / ".github", changed) / "workflows/ci.yml")
    assert re.search(message, found)


def test_every_pin_is_used_somewhere(tmp_path: Path) -> None:
    roots = [ROOT / ".github", *(rendered(tmp_path, name, name=f"x-{name}") / ".github" for name in CATALOG)]
    texts = "".join(Path(path).read_text() for root in roots for path in workflows(root))
    assert [action for action in PINS if f"uses: {action}@" not in texts] == []


def test_dependabot_covers_every_manifest(github: Path) -> None:
    """Dependabot updates the dependencies in Dockerfile, go.mod, Cargo.toml and pyproject.toml, where they exist."""
    kinds = {
        update["package-ecosystem"] for update in yaml.safe_load((github / "dependabot.yml").read_text())["updates"]
    }
    manifests = {"Dockerfile": "docker", "go.mod": "gomod", "Cargo.toml": "cargo", "pyproject.toml": "pip"}
    expected = {kind for file, kind in manifests.items() if (github.parent / file).exists()}
    assert kinds == {"github-actions", *expected}
